-- A = L + E with current earnings; the only difference allowed is what the delivered ledger itself lacks.
with listed as (
    select
        totals.tenant_id, totals.company_code, totals.fiscal_year, totals.fiscal_period, totals.currency,
        coalesce(sum(imbalances.imbalance_amount), 0) as imbalance_amount
    from {{ ref('statement_totals') }} as totals
    left join {{ ref('ledger_imbalances') }} as imbalances
        on totals.tenant_id = imbalances.tenant_id
        and totals.company_code = imbalances.company_code
        and totals.currency = imbalances.currency
        and imbalances.scenario = 'actual'
        and (imbalances.fiscal_year, imbalances.fiscal_period) <= (totals.fiscal_year, totals.fiscal_period)
    group by totals.tenant_id, totals.company_code, totals.fiscal_year, totals.fiscal_period, totals.currency
)

select totals.*, listed.imbalance_amount
from {{ ref('statement_totals') }} as totals
inner join listed using (tenant_id, company_code, fiscal_year, fiscal_period, currency)
where totals.difference_amount <> listed.imbalance_amount
