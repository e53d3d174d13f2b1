-- claim = settled + disputed + recovered + written off + non-trade + open, all on the claim's own side of zero.
select *
from {{ source('finance', 'claims') }}
where
    amount <> amount_settled + amount_disputed + amount_recovered + amount_written_off + amount_non_trade + amount_open
    or least(amount_settled, amount_disputed, amount_recovered, amount_written_off, amount_non_trade, amount_open)
    * case when amount < 0 then 0 else 1 end < 0
    or greatest(amount_settled, amount_disputed, amount_recovered, amount_written_off, amount_non_trade, amount_open)
    * case when amount < 0 then 1 else 0 end > 0
