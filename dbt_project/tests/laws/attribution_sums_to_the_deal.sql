-- Revenue parts of a deal, the unallocated one included, sum to its amount exactly.
select
    opportunities.tenant_id, opportunities.opportunity_key, opportunities.amount as deal_amount, sum(credits.amount) as credited_amount
from {{ ref('attribution_credits') }} as credits
inner join {{ ref('opportunities') }} as opportunities
    on credits.tenant_id = opportunities.tenant_id
    and credits.opportunity_key = opportunities.opportunity_key
where credits.credit_type = 'revenue'
group by opportunities.tenant_id, opportunities.opportunity_key, opportunities.amount
having sum(credits.amount) <> opportunities.amount
