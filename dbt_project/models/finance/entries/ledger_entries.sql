with gl_lines as (
    select * from {{ ref('gl_lines') }}
),

balance_movements as (
    select * from {{ ref('balance_movements') }}
),

journal_lines as (
    select * from {{ source('finance', 'journal_lines') }}
),

posting_periods as (
    select * from {{ ref('posting_periods') }}
),

tenants as (
    select * from {{ ref('stg_tenancy__tenants') }}
),

erp_ledgers as (
    select tenant_id from gl_lines where not is_confirmation
    union
    select tenant_id from balance_movements
),

-- A standalone company without an ERP ledger keeps its books from our own journals. What an ERP sent back as
-- confirmation of those journals is then the second copy of a posting; with an ERP ledger it is the only one.
standalone as (
    select tenants.tenant_id
    from tenants
    left join erp_ledgers on tenants.tenant_id = erp_ledgers.tenant_id
    where tenants.ledger_mode = 'standalone' and erp_ledgers.tenant_id is null
),

movements as (
    select
        gl_lines.tenant_id, 'journal' as origin, gl_lines.company_code, gl_lines.account_code, gl_lines.fiscal_year,
        gl_lines.fiscal_period, gl_lines.currency, gl_lines.scenario, gl_lines.debit_amount, gl_lines.credit_amount
    from gl_lines
    left join standalone on gl_lines.tenant_id = standalone.tenant_id
    where standalone.tenant_id is null
    union all
    select
        tenant_id, 'balance' as origin, company_code, account_code, fiscal_year,
        fiscal_period, currency, scenario, greatest(amount, 0), greatest(-amount, 0)
    from balance_movements
    union all
    select
        journal_lines.tenant_id, 'trade' as origin, 'TRADE' as company_code, journal_lines.account_code,
        posting_periods.fiscal_year, posting_periods.fiscal_period, journal_lines.currency, 'actual' as scenario,
        journal_lines.debit_amount, journal_lines.credit_amount
    from journal_lines
    inner join standalone on journal_lines.tenant_id = standalone.tenant_id
    inner join posting_periods
        on journal_lines.tenant_id = posting_periods.tenant_id
        and journal_lines.posting_date = posting_periods.posting_date
),

final as (
    select
        tenant_id,
        origin,
        company_code,
        account_code,
        fiscal_year,
        fiscal_period,
        currency,
        scenario,
        sum(debit_amount)::numeric(19, 4) as debit_amount,
        sum(credit_amount)::numeric(19, 4) as credit_amount
    from movements
    group by tenant_id, origin, company_code, account_code, fiscal_year, fiscal_period, currency, scenario
)

select * from final
