-- A stored balance of a closed period is what the journals still say about its last day.
with assertions as (
    select stored.*, status.end_date
    from {{ source('finance', 'balance_assertions') }} as stored
    inner join {{ source('finance', 'period_status') }} as status
        using (tenant_id, calendar, fiscal_year, period, generation)
    where status.state <> 'reopened'
)

select
    assertions.tenant_id, assertions.fiscal_year, assertions.period, assertions.account_code, assertions.currency,
    assertions.found_amount, sum(lines.credit_amount - lines.debit_amount) as balance_amount
from assertions
left join {{ source('finance', 'journal_lines') }} as lines
    on assertions.tenant_id = lines.tenant_id
    and assertions.account_code = lines.account_code
    and assertions.currency = lines.currency
    and lines.posting_date <= assertions.end_date
where assertions.ledger = 'accruals'
group by
    assertions.tenant_id, assertions.fiscal_year, assertions.period, assertions.account_code, assertions.currency,
    assertions.found_amount
having assertions.found_amount <> coalesce(sum(lines.credit_amount - lines.debit_amount), 0)
