-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__reason_codes') }}
),

final as (
    select
        tenant_id,
        customer_key,
        reason_code_erp,
        reason_code_normalized,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
