-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        account_code,
        name,
        account_type,
        parent_account_code,
        is_current,
        statement_line,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__gl_accounts') }}
),

final as (
    select
        tenant_id,
        account_code,
        name,
        account_type,
        parent_account_code,
        is_current,
        statement_line,
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
