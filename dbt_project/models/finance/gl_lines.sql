with gl_journals_checked as (
    select * from {{ ref('gl_journals_checked') }}
),

journals as (
    select * from {{ source('finance', 'journals') }}
),

final as (
    select
        gl_journals_checked.tenant_id,
        gl_journals_checked.journal_key,
        gl_journals_checked.line_number,
        gl_journals_checked.company_code,
        gl_journals_checked.account_code,
        gl_journals_checked.posting_date,
        gl_journals_checked.fiscal_year,
        gl_journals_checked.fiscal_period,
        gl_journals_checked.currency,
        gl_journals_checked.debit_amount,
        gl_journals_checked.credit_amount,
        gl_journals_checked.scenario,
        gl_journals_checked.reference,
        gl_journals_checked.description,
        gl_journals_checked.department,
        journals.journal_id as confirmed_journal_id,
        journals.journal_id is not null as is_confirmation
    from gl_journals_checked
    left join journals
        on gl_journals_checked.tenant_id = journals.tenant_id
        and lower(btrim(gl_journals_checked.reference)) = journals.journal_id::text
    where gl_journals_checked.quarantine_reason is null
)

select * from final
