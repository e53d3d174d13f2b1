with accounts as (
    select * from {{ ref('unified_accounts') }}
),

final as (
    select
        tenant_id,
        account_key,
        name,
        industry,
        annual_revenue,
        employees,
        country,
        account_type,
        created_at,
        updated_at,
        source_system
    from accounts
)

select * from final
