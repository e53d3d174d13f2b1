-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        product_key,
        name,
        brand,
        category,
        sub_category,
        gtin,
        units_per_case,
        list_price,
        cogs_standard,
        currency,
        attributes,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__products') }}
),

tenants as (
    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}
),

final as (
    select
        files.tenant_id,
        files.product_key,
        files.name,
        files.brand,
        files.category,
        files.sub_category,
        files.gtin,
        files.units_per_case,
        files.list_price,
        files.cogs_standard,
        coalesce(files.currency, tenants.currency) as currency,
        files.attributes,
        files.source_system,
        files._run_id,
        files._loaded_at
    from files
    inner join tenants on files.tenant_id = tenants.tenant_id
)

select * from final
