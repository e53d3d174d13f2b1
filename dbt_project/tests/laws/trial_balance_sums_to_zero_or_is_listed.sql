-- Debits equal credits per company, period, currency and scenario, but for what ledger_imbalances lists.
with totals as (
    select
        tenant_id, company_code, fiscal_year, fiscal_period, currency, scenario,
        sum(debit - credit) as difference, sum(closing) as closing
    from {{ ref('trial_balance') }}
    group by tenant_id, company_code, fiscal_year, fiscal_period, currency, scenario
),

listed as (
    select
        totals.tenant_id, totals.company_code, totals.fiscal_year, totals.fiscal_period, totals.currency, totals.scenario,
        coalesce(sum(imbalances.imbalance_amount), 0) as to_date,
        coalesce(sum(imbalances.imbalance_amount) filter (
            where imbalances.fiscal_year = totals.fiscal_year and imbalances.fiscal_period = totals.fiscal_period
        ), 0) as of_period
    from totals
    left join {{ ref('ledger_imbalances') }} as imbalances
        on totals.tenant_id = imbalances.tenant_id
        and totals.company_code = imbalances.company_code
        and totals.currency = imbalances.currency
        and totals.scenario = imbalances.scenario
        and (imbalances.fiscal_year, imbalances.fiscal_period) <= (totals.fiscal_year, totals.fiscal_period)
    group by
        totals.tenant_id, totals.company_code, totals.fiscal_year, totals.fiscal_period, totals.currency, totals.scenario
)

select totals.*, listed.to_date, listed.of_period
from totals
inner join listed using (tenant_id, company_code, fiscal_year, fiscal_period, currency, scenario)
where totals.difference <> listed.of_period or totals.closing <> listed.to_date
