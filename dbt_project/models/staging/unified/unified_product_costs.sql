-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        product_key,
        effective_date,
        cogs,
        landed_cost,
        currency,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__product_costs') }}
),

tenants as (
    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}
),

final as (
    select
        files.tenant_id,
        files.product_key,
        files.effective_date,
        files.cogs,
        files.landed_cost,
        coalesce(files.currency, tenants.currency) as currency,
        files.source_system,
        files._run_id,
        files._loaded_at
    from files
    inner join tenants on files.tenant_id = tenants.tenant_id
)

select * from final
