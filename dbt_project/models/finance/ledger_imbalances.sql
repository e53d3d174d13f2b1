with ledger_entries as (
    select * from {{ ref('ledger_entries') }}
),

chart_of_accounts as (
    select * from {{ ref('chart_of_accounts') }}
),

final as (
    select
        ledger_entries.tenant_id,
        ledger_entries.company_code,
        ledger_entries.fiscal_year,
        ledger_entries.fiscal_period,
        ledger_entries.currency,
        ledger_entries.scenario,
        sum(ledger_entries.debit_amount)::numeric(19, 4) as debit_amount,
        sum(ledger_entries.credit_amount)::numeric(19, 4) as credit_amount,
        sum(ledger_entries.debit_amount - ledger_entries.credit_amount)::numeric(19, 4) as imbalance_amount
    from ledger_entries
    left join chart_of_accounts
        on ledger_entries.tenant_id = chart_of_accounts.tenant_id
        and ledger_entries.account_code = chart_of_accounts.account_code
    where chart_of_accounts.category is distinct from 'statistical'
    group by
        ledger_entries.tenant_id,
        ledger_entries.company_code,
        ledger_entries.fiscal_year,
        ledger_entries.fiscal_period,
        ledger_entries.currency,
        ledger_entries.scenario
    having sum(ledger_entries.debit_amount - ledger_entries.credit_amount) <> 0
)

select * from final
