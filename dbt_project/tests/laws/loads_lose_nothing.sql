-- Conservation: what a load read was loaded, was there already, or was rejected, in rows and in money.
select *
from {{ source('loading', 'loads') }}
where
    rows_read <> rows_loaded + rows_unchanged + rows_rejected
    or amount_read <> amount_loaded + amount_unchanged + amount_rejected
