-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        fund_key,
        name,
        total_budget,
        currency,
        start_date,
        end_date,
        owner,
        overdraw_pct,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__funds') }}
),

tenants as (
    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}
),

final as (
    select
        files.tenant_id,
        files.fund_key,
        files.name,
        files.total_budget,
        coalesce(files.currency, tenants.currency) as currency,
        files.start_date,
        files.end_date,
        files.owner,
        files.overdraw_pct,
        files.source_system,
        files._run_id,
        files._loaded_at
    from files
    inner join tenants on files.tenant_id = tenants.tenant_id
)

select * from final
