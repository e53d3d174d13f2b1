with opportunities as (
    select * from {{ ref('unified_opportunities') }}
),

final as (
    select
        tenant_id,
        opportunity_key,
        name,
        account_key,
        owner_rep_key,
        amount,
        currency,
        stage,
        coalesce(is_won, lower(stage) = 'closed won') as is_won,
        coalesce(is_closed, lower(stage) like 'closed%') or coalesce(is_won, lower(stage) = 'closed won') as is_closed,
        probability,
        created_date,
        close_date,
        type,
        coalesce(region, 'Unknown') as region,
        customer_org,
        oems,
        partners,
        source_system
    from opportunities
)

select * from final
