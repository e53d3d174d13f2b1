-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        product_key,
        customer_key,
        effective_date,
        price,
        currency,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__price_lists') }}
),

tenants as (
    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}
),

final as (
    select
        files.tenant_id,
        files.product_key,
        files.customer_key,
        files.effective_date,
        files.price,
        coalesce(files.currency, tenants.currency) as currency,
        files.source_system,
        files._run_id,
        files._loaded_at
    from files
    inner join tenants on files.tenant_id = tenants.tenant_id
)

select * from final
