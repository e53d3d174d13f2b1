-- Every change of a promotion's financial life cycle is one of the moves that may be made (C5).
with changes as (
    select
        tenant_id,
        promotion_key,
        sequence,
        lag(lifecycle_status) over (partition by tenant_id, promotion_key order by sequence) as from_status,
        lifecycle_status as to_status
    from {{ source('finance', 'promotion_state_history') }}
)

select changes.*
from changes
left join {{ ref('promotion_transitions') }} as allowed
    on changes.tenant_id = allowed.tenant_id
    and allowed.kind = 'financial'
    and changes.from_status = allowed.from_status
    and changes.to_status = allowed.to_status
where changes.from_status is not null and allowed.to_status is null
