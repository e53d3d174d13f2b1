-- The months of a schedule sum to its cost, and every capitalised cost has one.
select costs.tenant_id, costs.payment_key, costs.opportunity_key, costs.cost_amount, sum(months.amortised_amount) as months_amount
from {{ ref('commission_costs') }} as costs
left join {{ ref('commission_amortisation') }} as months
    on costs.tenant_id = months.tenant_id
    and costs.payment_key = months.payment_key
    and costs.opportunity_key = months.opportunity_key
where costs.expensed_because is null
group by costs.tenant_id, costs.payment_key, costs.opportunity_key, costs.cost_amount
having costs.cost_amount <> coalesce(sum(months.amortised_amount), 0)
