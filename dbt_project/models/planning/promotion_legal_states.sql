with final as (
    {{ per_tenant('promotion_states', ['status', 'lifecycle_status', 'is_active_budget']) }}
)

select * from final
