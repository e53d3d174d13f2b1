{{ config(materialized="view") }}

with rep_attainment as (
    select * from {{ ref('rep_attainment') }}
),

sales_reps as (
    select * from {{ ref('sales_reps') }}
),

forecast_by_rep as (
    select * from {{ ref('bi_forecast') }} where group_kind = 'rep'
),

-- The newest simulation of each rep and currency; an older scenario does not stand beside today's attainment.
latest_forecast as (
    select distinct on (tenant_id, group_key, currency) *
    from forecast_by_rep
    order by tenant_id, group_key, currency, simulation_date desc, scenario_id
),

final as (
    select
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
        latest_forecast.mean_amount as total_compensation,
        latest_forecast.simulation_id,
        latest_forecast.data_as_of,
        latest_forecast.run_id
    from rep_attainment
    left join sales_reps
        on rep_attainment.tenant_id = sales_reps.tenant_id
        and rep_attainment.rep_key = sales_reps.rep_key
    left join latest_forecast
        on rep_attainment.tenant_id = latest_forecast.tenant_id
        and rep_attainment.rep_key = latest_forecast.group_key
        and rep_attainment.currency = latest_forecast.currency
)

select * from final
