-- What is decided after a close of ours lands on a later day, unless the period was reopened.
with closed as (
    select tenant_id, max(end_date) as closed_through, max(as_of) as as_of
    from {{ source('finance', 'period_status') }}
    where state <> 'reopened'
    group by tenant_id
)

select journals.*
from {{ source('finance', 'journals') }} as journals
inner join closed
    on journals.tenant_id = closed.tenant_id
    and journals.posting_date <= closed.closed_through
    and journals.as_of > closed.as_of
where journals.status = 'Posted'
