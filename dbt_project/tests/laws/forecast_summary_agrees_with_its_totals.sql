-- Mean, median and P95 computed here from the iterations equal the engine's, to the cent.
select view.tenant_id, view.simulation_id, view.avg_comp, summary.mean, view.median_comp, summary.p50, view.var_95, summary.var_95 as engine_var_95
from {{ ref('vw_mc_summary') }} as view
left join {{ source('planning', 'monte_carlo_summary') }} as summary
    on view.tenant_id = summary.tenant_id
    and view.simulation_id = summary.simulation_id
where
    summary.simulation_id is null
    or abs(view.avg_comp - summary.mean) > 0.01
    or abs(view.median_comp - summary.p50) > 0.01
    or abs(view.var_95 - summary.var_95) > 0.01
