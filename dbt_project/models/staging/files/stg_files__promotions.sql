-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__promotions') }}
),

final as (
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
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
