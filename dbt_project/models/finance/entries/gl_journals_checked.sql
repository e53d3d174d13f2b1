with gl_journal_lines as (
    select * from {{ ref('unified_gl_journal_lines') }}
),

posting_periods as (
    select * from {{ ref('posting_periods') }}
),

chart_of_accounts as (
    select * from {{ ref('chart_of_accounts') }}
),

dated as (
    select
        gl_journal_lines.tenant_id,
        gl_journal_lines.journal_key,
        gl_journal_lines.line_number,
        gl_journal_lines.company_code,
        gl_journal_lines.account_code,
        gl_journal_lines.posting_date,
        coalesce(gl_journal_lines.fiscal_year, posting_periods.fiscal_year) as fiscal_year,
        coalesce(gl_journal_lines.fiscal_period, posting_periods.fiscal_period) as fiscal_period,
        gl_journal_lines.currency,
        coalesce(gl_journal_lines.debit_amount, 0)::numeric(19, 4) as debit_amount,
        coalesce(gl_journal_lines.credit_amount, 0)::numeric(19, 4) as credit_amount,
        coalesce(gl_journal_lines.scenario, 'actual') as scenario,
        gl_journal_lines.reference,
        gl_journal_lines.description,
        gl_journal_lines.department
    from gl_journal_lines
    inner join posting_periods
        on gl_journal_lines.tenant_id = posting_periods.tenant_id
        and gl_journal_lines.posting_date = posting_periods.posting_date
),

-- Heads and square metres are posted on one side and balance with nothing: the balance is asked of money.
money as (
    select dated.*
    from dated
    left join chart_of_accounts
        on dated.tenant_id = chart_of_accounts.tenant_id
        and dated.account_code = chart_of_accounts.account_code
    where chart_of_accounts.category is distinct from 'statistical'
),

-- A journal balances in every company, currency, scenario and period it touches, or it does not enter the ledger.
unbalanced as (
    select
        tenant_id,
        journal_key,
        'company ' || company_code || ', ' || currency || ', ' || scenario || ', period ' || fiscal_year || '-' || fiscal_period
        || ': debit ' || sum(debit_amount) || ', credit ' || sum(credit_amount)
        || ', difference ' || sum(debit_amount - credit_amount) as finding
    from money
    group by tenant_id, journal_key, company_code, currency, scenario, fiscal_year, fiscal_period
    having sum(debit_amount) <> sum(credit_amount)
),

reasons as (
    select tenant_id, journal_key, 'does not balance: ' || string_agg(finding, '; ' order by finding) as reason
    from unbalanced
    group by tenant_id, journal_key
),

final as (
    select dated.*, reasons.reason as quarantine_reason
    from dated
    left join reasons
        on dated.tenant_id = reasons.tenant_id
        and dated.journal_key = reasons.journal_key
)

select * from final
