with final as (
    {{ per_tenant('promotion_moves', ['kind', 'from_status', 'to_status']) }}
)

select * from final
