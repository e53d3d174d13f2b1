-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        rep_key,
        period_start,
        period_end,
        draw_amount,
        is_recoverable,
        currency,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__compensation_draws') }}
),

tenants as (
    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}
),

final as (
    select
        files.tenant_id,
        files.rep_key,
        files.period_start,
        files.period_end,
        files.draw_amount,
        files.is_recoverable,
        coalesce(files.currency, tenants.currency) as currency,
        files.source_system,
        files._run_id,
        files._loaded_at
    from files
    inner join tenants on files.tenant_id = tenants.tenant_id
)

select * from final
