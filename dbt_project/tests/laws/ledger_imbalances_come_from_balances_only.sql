-- Journals are quarantined one by one: only a ledger delivered as balances can leave an imbalance.
select imbalances.*
from {{ ref('ledger_imbalances') }} as imbalances
left join {{ ref('ledger_entries') }} as entries
    on imbalances.tenant_id = entries.tenant_id
    and imbalances.company_code = entries.company_code
    and imbalances.fiscal_year = entries.fiscal_year
    and imbalances.fiscal_period = entries.fiscal_period
    and imbalances.currency = entries.currency
    and imbalances.scenario = entries.scenario
    and entries.origin = 'balance'
where entries.tenant_id is null
