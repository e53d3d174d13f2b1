-- Opening of a period is the closing of the one before.
with rolled as (
    select
        *,
        lag(closing, 1, 0::numeric) over (
            partition by tenant_id, company_code, account_code, currency, scenario order by fiscal_year, fiscal_period
        ) as previous_closing
    from {{ ref('trial_balance') }}
)

select * from rolled where opening <> previous_closing
