-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__gl_balances') }}
),

final as (
    select
        tenant_id,
        company_code,
        account_code,
        fiscal_year,
        fiscal_period,
        currency,
        scenario,
        department,
        amount,
        balance_kind,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
