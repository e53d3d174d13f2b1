-- generated from include/extract by `python -m include.extract.generate`
with files as (
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
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__ap_payments') }}
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
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
