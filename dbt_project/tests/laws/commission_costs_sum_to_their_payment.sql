-- Every payment is in the commission costs whole.
select payments.tenant_id, payments.payment_key, payments.amount, sum(costs.cost_amount) as costs_amount
from {{ ref('incentive_payments') }} as payments
left join {{ ref('commission_costs') }} as costs
    on payments.tenant_id = costs.tenant_id
    and payments.payment_key = costs.payment_key
group by payments.tenant_id, payments.payment_key, payments.amount
having payments.amount <> coalesce(sum(costs.cost_amount), 0)
