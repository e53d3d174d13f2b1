{{ config(materialized="view") }}

with vw_mc_summary as (
    select * from {{ ref('vw_mc_summary') }}
),

monte_carlo_groups as (
    select * from {{ source('planning', 'monte_carlo_groups') }}
),

final as (
    select
        vw_mc_summary.tenant_id,
        vw_mc_summary.simulation_id,
        vw_mc_summary.scenario_id,
        vw_mc_summary.simulation_date,
        vw_mc_summary.period,
        vw_mc_summary.currency,
        monte_carlo_groups.group_kind,
        monte_carlo_groups.group_key,
        monte_carlo_groups.rep_count,
        monte_carlo_groups.mean as mean_amount,
        monte_carlo_groups.p10 as p10_amount,
        monte_carlo_groups.p50 as p50_amount,
        monte_carlo_groups.p90 as p90_amount,
        monte_carlo_groups.es95_contribution as es95_contribution_amount,
        vw_mc_summary.avg_comp as total_mean_amount,
        vw_mc_summary.var_95 as total_p95_amount,
        vw_mc_summary.as_of as data_as_of,
        vw_mc_summary.run_id
    from vw_mc_summary
    inner join monte_carlo_groups
        on vw_mc_summary.tenant_id = monte_carlo_groups.tenant_id
        and vw_mc_summary.simulation_id = monte_carlo_groups.simulation_id
)

select * from final
