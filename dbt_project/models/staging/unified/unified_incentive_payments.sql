-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        payment_key,
        rep_key,
        period_start,
        period_end,
        amount,
        currency,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__incentive_payments') }}
),

tenants as (
    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}
),

final as (
    select
        files.tenant_id,
        files.payment_key,
        files.rep_key,
        files.period_start,
        files.period_end,
        files.amount,
        coalesce(files.currency, tenants.currency) as currency,
        files.source_system,
        files._run_id,
        files._loaded_at
    from files
    inner join tenants on files.tenant_id = tenants.tenant_id
)

select * from final
