-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        deduction_key,
        line_number,
        product_key,
        units,
        amount,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__deduction_lines') }}
),

final as (
    select
        tenant_id,
        deduction_key,
        line_number,
        product_key,
        units,
        amount,
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
