-- Commercial status and financial life cycle are one of the pairs of the seed (C5).
select promotions.tenant_id, promotions.promotion_key, promotions.status, promotions.lifecycle_status
from {{ ref('promotions') }} as promotions
left join {{ ref('promotion_states') }} as states
    on states.tenant_id = 'system'
    and promotions.status = states.status
    and promotions.lifecycle_status = states.lifecycle_status
where states.status is null
