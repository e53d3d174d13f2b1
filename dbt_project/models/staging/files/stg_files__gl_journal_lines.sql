-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__gl_journal_lines') }}
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
        reference,
        description,
        department,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
