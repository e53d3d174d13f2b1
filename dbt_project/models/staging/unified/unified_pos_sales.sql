-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        sale_date,
        customer_key,
        product_key,
        units_sold,
        sales_value,
        period,
        is_promotion,
        promo_price_detected,
        retail_discount,
        currency,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__pos_sales') }}
),

tenants as (
    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}
),

final as (
    select
        files.tenant_id,
        files.sale_date,
        files.customer_key,
        files.product_key,
        files.units_sold,
        files.sales_value,
        files.period,
        files.is_promotion,
        files.promo_price_detected,
        files.retail_discount,
        coalesce(files.currency, tenants.currency) as currency,
        files.source_system,
        files._run_id,
        files._loaded_at
    from files
    inner join tenants on files.tenant_id = tenants.tenant_id
)

select * from final
