{{ config(severity='warn') }}
-- Settled per promotion stays within the larger of plan and earned, with the usual two per cent. A warning: a plan cut
-- after it was settled against is a finding for a person, not an error of ours.
with settled as (
    select tenant_id, promotion_key, currency, sum(amount_settled) as amount
    from {{ source('finance', 'settlements') }}
    where status in ('Queued', 'Posted to ERP', 'Reversed')
    group by tenant_id, promotion_key, currency
)

select settled.*, promotions.planned_amount, earned.earned_amount
from settled
inner join {{ ref('promotions') }} as promotions
    on settled.tenant_id = promotions.tenant_id
    and settled.promotion_key = promotions.promotion_key
left join {{ ref('promotion_earned') }} as earned
    on settled.tenant_id = earned.tenant_id
    and settled.promotion_key = earned.promotion_key
where settled.amount > coalesce(greatest(promotions.planned_amount, earned.earned_amount), 0) * 1.02
