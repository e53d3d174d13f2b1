with trial_balance as (
    select * from {{ ref('trial_balance') }}
),

final as (
    select
        tenant_id,
        company_code,
        account_code,
        fiscal_year,
        fiscal_period,
        currency,
        scenario,
        debit,
        credit,
        closing
    from trial_balance
    -- What came and went inside a period changes no statement; the trial balance shows it.
    where category is null and (closing <> 0 or debit <> credit)
)

select * from final
