{{ config(materialized="view") }}

with rep_attainment as (
    select * from {{ ref('rep_attainment') }}
),

sales_reps as (
    select * from {{ ref('sales_reps') }}
),

monte_carlo_runs as (
    select * from {{ source('planning', 'monte_carlo_runs') }}
),

bi_forecast as (
    select * from {{ ref('bi_forecast') }} where group_kind = 'rep'
),

forecasts as (
    select
        bi_forecast.*,
        monte_carlo_runs.horizon_start,
        monte_carlo_runs.horizon_end
    from bi_forecast
    inner join monte_carlo_runs
        on bi_forecast.tenant_id = monte_carlo_runs.tenant_id
        and bi_forecast.simulation_id = monte_carlo_runs.simulation_id
),

-- The newest simulation of the year a window lies in, `base` where there are scenarios: a window of a year that nobody
-- simulated has no compensation.
final as (
    select distinct on (rep_attainment.tenant_id, rep_attainment.rep_key, rep_attainment.measure, rep_attainment.period_start)
        rep_attainment.tenant_id,
        rep_attainment.rep_key,
        sales_reps.name,
        sales_reps.role,
        sales_reps.region,
        rep_attainment.measure,
        rep_attainment.period_start,
        rep_attainment.period_end,
        rep_attainment.currency,
        rep_attainment.quota_amount,
        rep_attainment.credited_amount as total_revenue,
        (100 * rep_attainment.attainment)::numeric(38, 9) as quota_attainment_pct,
        forecasts.mean_amount as total_compensation,
        forecasts.simulation_id,
        forecasts.data_as_of,
        forecasts.run_id
    from rep_attainment
    left join sales_reps
        on rep_attainment.tenant_id = sales_reps.tenant_id
        and rep_attainment.rep_key = sales_reps.rep_key
    left join forecasts
        on rep_attainment.tenant_id = forecasts.tenant_id
        and rep_attainment.rep_key = forecasts.group_key
        and rep_attainment.currency = forecasts.currency
        and rep_attainment.period_start < forecasts.horizon_end
        and rep_attainment.period_end > forecasts.horizon_start
    order by
        rep_attainment.tenant_id,
        rep_attainment.rep_key,
        rep_attainment.measure,
        rep_attainment.period_start,
        forecasts.simulation_date desc nulls last,
        forecasts.scenario_id <> 'base',
        forecasts.scenario_id
)

select * from final
