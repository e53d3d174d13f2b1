-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__deduction_lines') }}
),

final as (
    select
        tenant_id,
        deduction_key,
        line_number,
        product_key,
        units,
        amount,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
