with gl_journals_checked as (
    select * from {{ ref('gl_journals_checked') }}
),

final as (
    select
        tenant_id,
        journal_key,
        line_number,
        company_code,
        account_code,
        posting_date,
        fiscal_year,
        fiscal_period,
        currency,
        debit_amount,
        credit_amount,
        scenario,
        quarantine_reason as reason
    from gl_journals_checked
    where quarantine_reason is not null
)

select * from final
