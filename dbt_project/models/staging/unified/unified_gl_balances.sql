-- generated from include/extract by `python -m include.extract.generate`
with files as (
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
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__gl_balances') }}
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
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
