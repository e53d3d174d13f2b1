-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__customers') }}
),

final as (
    select
        tenant_id,
        customer_key,
        name,
        customer_type,
        parent_customer_key,
        channel,
        region,
        trade_group,
        payment_terms,
        currency,
        attributes,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
