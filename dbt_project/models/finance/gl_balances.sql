with gl_balances as (
    select * from {{ ref('unified_gl_balances') }}
),

final as (
    select
        tenant_id,
        company_code,
        account_code,
        fiscal_year,
        fiscal_period,
        currency,
        coalesce(scenario, 'actual') as scenario,
        department,
        amount,
        coalesce(balance_kind, 'movement') as balance_kind
    from gl_balances
)

select * from final
