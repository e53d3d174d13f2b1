{{ config(materialized="view") }}

with baseline_weeks as (
    select * from {{ ref('baseline_weeks') }}
),

baseline_statistics as (
    select * from {{ ref('baseline_statistics') }}
),

baseline_regressions as (
    select * from {{ source('intelligence', 'baseline_regressions') }}
),

estimates as (
    select tenant_id, customer_key, product_key, week_end_date, method, method_version, baseline_stat_units, spread_units, weeks_used, basis
    from baseline_statistics
    union all
    select tenant_id, customer_key, product_key, week_end_date, 'log_linear_regression', method_version, baseline_stat_units, spread_units, weeks_used, 'own_weeks'
    from baseline_regressions
),

final as (
    select
        estimates.tenant_id,
        estimates.customer_key,
        estimates.product_key,
        estimates.week_end_date,
        estimates.method,
        estimates.method_version,
        baseline_weeks.units_sold,
        baseline_weeks.is_promotion,
        baseline_weeks.is_affected,
        estimates.baseline_stat_units,
        floor(estimates.baseline_stat_units + 0.5)::bigint as baseline_units,
        estimates.spread_units,
        estimates.weeks_used,
        estimates.basis,
        estimates.basis <> 'own_weeks' as is_fallback
    from estimates
    inner join baseline_weeks
        on estimates.tenant_id = baseline_weeks.tenant_id
        and estimates.customer_key = baseline_weeks.customer_key
        and estimates.product_key = baseline_weeks.product_key
        and estimates.week_end_date = baseline_weeks.week_end_date
)

select * from final
