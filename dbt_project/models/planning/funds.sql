with funds as (
    select * from {{ ref('unified_funds') }}
),

final as (
    select
        tenant_id,
        fund_key,
        name,
        total_budget,
        currency,
        start_date,
        end_date,
        owner,
        overdraw_pct
    from funds
)

select * from final
