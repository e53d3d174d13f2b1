-- generated from include/extract by `python -m include.extract.generate`
with files as (
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
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__customers') }}
),

tenants as (
    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}
),

final as (
    select
        files.tenant_id,
        files.customer_key,
        files.name,
        files.customer_type,
        files.parent_customer_key,
        files.channel,
        files.region,
        files.trade_group,
        files.payment_terms,
        coalesce(files.currency, tenants.currency) as currency,
        files.attributes,
        files.source_system,
        files._run_id,
        files._loaded_at
    from files
    inner join tenants on files.tenant_id = tenants.tenant_id
)

select * from final
