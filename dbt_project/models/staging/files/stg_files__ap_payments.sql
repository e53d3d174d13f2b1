-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__ap_payments') }}
),

final as (
    select
        tenant_id,
        payment_key,
        customer_key,
        account_code,
        amount,
        currency,
        payment_date,
        method,
        reference,
        promotion_id,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
