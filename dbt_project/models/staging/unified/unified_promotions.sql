-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        promotion_key,
        promotion_id,
        name,
        customer_key,
        fund_key,
        status,
        tactic_type,
        settlement_method,
        sellin_start,
        sellin_end,
        scan_start,
        scan_end,
        forecast_uplift_pct,
        total_planned_spend,
        approved_date,
        closed_date,
        accrual_method,
        funding_rate,
        gl_account_code,
        currency,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__promotions') }}
),

tenants as (
    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}
),

final as (
    select
        files.tenant_id,
        files.promotion_key,
        files.promotion_id,
        files.name,
        files.customer_key,
        files.fund_key,
        files.status,
        files.tactic_type,
        files.settlement_method,
        files.sellin_start,
        files.sellin_end,
        files.scan_start,
        files.scan_end,
        files.forecast_uplift_pct,
        files.total_planned_spend,
        files.approved_date,
        files.closed_date,
        files.accrual_method,
        files.funding_rate,
        files.gl_account_code,
        coalesce(files.currency, tenants.currency) as currency,
        files.source_system,
        files._run_id,
        files._loaded_at
    from files
    inner join tenants on files.tenant_id = tenants.tenant_id
)

select * from final
