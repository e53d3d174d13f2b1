-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__gl_accounts') }}
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
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
