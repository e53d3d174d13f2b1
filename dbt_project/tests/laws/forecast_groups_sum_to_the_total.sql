-- Means of the groups of one kind sum to the mean of the total; half a ten-thousandth of rounding per group.
select
    forecast.tenant_id, forecast.simulation_id, forecast.group_kind, sum(forecast.mean_amount) as groups_amount,
    max(summary.mean) as total_amount
from {{ ref('bi_forecast') }} as forecast
inner join {{ source('planning', 'monte_carlo_summary') }} as summary
    on forecast.tenant_id = summary.tenant_id
    and forecast.simulation_id = summary.simulation_id
group by forecast.tenant_id, forecast.simulation_id, forecast.group_kind
having abs(sum(forecast.mean_amount) - max(summary.mean)) > 0.01 * count(*)
