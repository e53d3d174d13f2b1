{{ config(materialized="view") }}

with statement_totals as (
    select * from {{ ref('statement_totals') }}
),

-- One currency at a time, nothing translated. What companies of the group owe each other is not known to the contracts:
-- eliminations are shown as what they are here, nothing.
final as (
    select
        tenant_id,
        fiscal_year,
        fiscal_period,
        currency,
        count(*)::integer as company_count,
        sum(total_assets)::numeric(19, 4) as total_assets,
        sum(total_liabilities)::numeric(19, 4) as total_liabilities,
        sum(shareholders_equity)::numeric(19, 4) as shareholders_equity,
        sum(revenue)::numeric(19, 4) as revenue,
        sum(total_expenses)::numeric(19, 4) as total_expenses,
        sum(other_income)::numeric(19, 4) as other_income,
        sum(net_income)::numeric(19, 4) as net_income,
        0::numeric(19, 4) as eliminations_amount,
        sum(difference_amount)::numeric(19, 4) as difference_amount
    from statement_totals
    group by tenant_id, fiscal_year, fiscal_period, currency
)

select * from final
