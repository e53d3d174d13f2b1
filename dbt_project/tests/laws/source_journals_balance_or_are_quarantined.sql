-- Every line of a source journal stands in gl_lines or in gl_quarantine, and what stands in gl_lines balances.
with delivered as (
    select tenant_id, journal_key, line_number from {{ ref('unified_gl_journal_lines') }}
),

kept as (
    select tenant_id, journal_key, line_number from {{ ref('gl_lines') }}
    union all
    select tenant_id, journal_key, line_number from {{ ref('gl_quarantine') }}
),

unbalanced as (
    select gl_lines.tenant_id, gl_lines.journal_key
    from {{ ref('gl_lines') }} as gl_lines
    left join {{ ref('chart_of_accounts') }} as chart_of_accounts
        on gl_lines.tenant_id = chart_of_accounts.tenant_id
        and gl_lines.account_code = chart_of_accounts.account_code
    where chart_of_accounts.category is distinct from 'statistical'
    group by
        gl_lines.tenant_id, gl_lines.journal_key, gl_lines.company_code, gl_lines.currency, gl_lines.scenario,
        gl_lines.fiscal_year, gl_lines.fiscal_period
    having sum(gl_lines.debit_amount) <> sum(gl_lines.credit_amount)
),

split as (
    select distinct gl_lines.tenant_id, gl_lines.journal_key
    from {{ ref('gl_lines') }} as gl_lines
    inner join {{ ref('gl_quarantine') }} as gl_quarantine
        on gl_lines.tenant_id = gl_quarantine.tenant_id
        and gl_lines.journal_key = gl_quarantine.journal_key
)

select tenant_id, journal_key, 'line lost or counted twice' as finding
from (
    (select * from delivered except all select * from kept)
    union all
    (select * from kept except all select * from delivered)
) as differing
union all
select tenant_id, journal_key, 'does not balance' as finding from unbalanced
union all
select tenant_id, journal_key, 'in the ledger and in quarantine' as finding from split
