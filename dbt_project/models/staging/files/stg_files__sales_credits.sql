-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__sales_credits') }}
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
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
