-- Of the methods stored side by side for a promotion exactly one is the posted one.
select tenant_id, promotion_key, count(*) filter (where is_applied) as applied
from {{ source('finance', 'accrual_methods') }}
group by tenant_id, promotion_key
having count(*) filter (where is_applied) <> 1
