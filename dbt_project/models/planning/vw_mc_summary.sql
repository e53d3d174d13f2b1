{{ config(materialized="view") }}

with monte_carlo_runs as (
    select * from {{ source('planning', 'monte_carlo_runs') }} where status = 'completed'
),

monte_carlo_results as (
    select * from {{ source('planning', 'monte_carlo_results') }}
),

monte_carlo_summary as (
    select * from {{ source('planning', 'monte_carlo_summary') }}
),

current_runs as (
    select distinct on (tenant_id, scenario_id, currency, simulation_date) *
    from monte_carlo_runs
    order by tenant_id, scenario_id, currency, simulation_date, generation desc
),

statistics as (
    select
        monte_carlo_results.tenant_id,
        monte_carlo_results.simulation_id,
        count(*) as iterations,
        {{ to_cents('avg(monte_carlo_results.total_compensation)') }}::numeric(19, 4) as avg_comp,
        percentile_cont(array[0.5, 0.95]) within group (order by monte_carlo_results.total_compensation) as percentiles
    from monte_carlo_results
    inner join current_runs
        on monte_carlo_results.tenant_id = current_runs.tenant_id
        and monte_carlo_results.simulation_id = current_runs.simulation_id
    group by monte_carlo_results.tenant_id, monte_carlo_results.simulation_id
),

final as (
    select
        current_runs.tenant_id,
        current_runs.simulation_id,
        current_runs.name,
        current_runs.currency,
        current_runs.scenario_id,
        current_runs.simulation_date,
        current_runs.period,
        current_runs.as_of,
        statistics.iterations,
        statistics.avg_comp,
        {{ to_cents('statistics.percentiles[1]::numeric') }}::numeric(19, 4) as median_comp,
        {{ to_cents('statistics.percentiles[2]::numeric') }}::numeric(19, 4) as var_95,
        monte_carlo_summary.var_95_excess,
        monte_carlo_summary.es95,
        monte_carlo_summary.sd,
        monte_carlo_summary.p10,
        monte_carlo_summary.p90,
        monte_carlo_summary.reserve,
        monte_carlo_summary.budget_amount,
        monte_carlo_summary.p_exceed_budget,
        monte_carlo_summary.expected_overshoot,
        current_runs.result_hash,
        current_runs.run_id
    from current_runs
    inner join statistics
        on current_runs.tenant_id = statistics.tenant_id
        and current_runs.simulation_id = statistics.simulation_id
    left join monte_carlo_summary
        on current_runs.tenant_id = monte_carlo_summary.tenant_id
        and current_runs.simulation_id = monte_carlo_summary.simulation_id
)

select * from final
