-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        credit_key,
        rep_key,
        credit_date,
        amount,
        currency,
        measure,
        credit_type,
        opportunity_key,
        order_ref,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__sales_credits') }}
),

final as (
    select
        tenant_id,
        credit_key,
        rep_key,
        credit_date,
        amount,
        currency,
        measure,
        credit_type,
        opportunity_key,
        order_ref,
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
