-- What a claim says it settled is what its posted settlements add up to, and never more than was claimed.
with settled as (
    select tenant_id, claim_id, sum(amount_settled) as amount
    from {{ source('finance', 'settlements') }}
    where status in ('Queued', 'Posted to ERP', 'Reversed')
    group by tenant_id, claim_id
)

select claims.tenant_id, claims.claim_id, claims.amount, claims.amount_settled, settled.amount as settlements_amount
from {{ source('finance', 'claims') }} as claims
left join settled
    on claims.tenant_id = settled.tenant_id
    and claims.claim_id = settled.claim_id
where
    (claims.amount >= 0 and claims.amount_settled <> coalesce(settled.amount, 0))
    or (claims.amount >= 0 and coalesce(settled.amount, 0) > claims.amount)
