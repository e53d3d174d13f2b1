-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        customer_key,
        reason_code_erp,
        reason_code_normalized,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__reason_codes') }}
),

final as (
    select
        tenant_id,
        customer_key,
        reason_code_erp,
        reason_code_normalized,
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
