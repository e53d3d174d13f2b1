-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        rep_key,
        measure,
        period_start,
        period_end,
        quota_amount,
        currency,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__quotas') }}
),

tenants as (
    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}
),

final as (
    select
        files.tenant_id,
        files.rep_key,
        files.measure,
        files.period_start,
        files.period_end,
        files.quota_amount,
        coalesce(files.currency, tenants.currency) as currency,
        files.source_system,
        files._run_id,
        files._loaded_at
    from files
    inner join tenants on files.tenant_id = tenants.tenant_id
)

select * from final
