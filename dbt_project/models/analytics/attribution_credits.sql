with attribution_parties as (
    select * from {{ ref('attribution_parties') }}
),

opportunities as (
    select * from {{ ref('opportunities') }}
),

pooled as (
    select
        attribution_parties.*,
        opportunities.amount as deal_amount,
        opportunities.currency,
        opportunities.region,
        opportunities.is_won,
        sum(attribution_parties.weight_rate) over pool as weight_total,
        row_number() over (
            partition by attribution_parties.tenant_id, attribution_parties.opportunity_key, attribution_parties.credit_type
            order by attribution_parties.position nulls last
        ) as place
    from attribution_parties
    inner join opportunities
        on attribution_parties.tenant_id = opportunities.tenant_id
        and attribution_parties.opportunity_key = opportunities.opportunity_key
    window pool as (
        partition by attribution_parties.tenant_id, attribution_parties.opportunity_key, attribution_parties.credit_type
    )
),

-- Whole cents of what is shared out: the deal for revenue, the pool for overlay. What the deal holds below a cent
-- goes to the first party.
shared as (
    select
        *,
        case credit_type
            when 'revenue' then abs(deal_amount)
            else {{ to_cents('abs(deal_amount) * pool_rate') }}
        end as shared_amount
    from pooled
),

cents as (
    select *, floor(shared_amount * 100) as shared_cents
    from shared
),

floored as (
    select
        *,
        floor(round(shared_cents * weight_rate / weight_total, 6)) as whole_cents,
        round(shared_cents * weight_rate / weight_total, 6) - floor(round(shared_cents * weight_rate / weight_total, 6)) as remainder
    from cents
),

-- Largest remainder: the cents left over go to the largest fractions, ties to the earlier party.
ranked as (
    select
        *,
        row_number() over (
            partition by tenant_id, opportunity_key, credit_type order by remainder desc, place
        ) as remainder_rank,
        shared_cents - sum(whole_cents) over (partition by tenant_id, opportunity_key, credit_type) as cents_left
    from floored
),

final as (
    select
        tenant_id,
        opportunity_key,
        party_type,
        party,
        position,
        credit_type,
        weight_rate::numeric(18, 9) as weight_rate,
        (
            sign(deal_amount) * (
                (whole_cents + case when remainder_rank <= cents_left then 1 else 0 end) / 100
                + case when place = 1 then shared_amount - shared_cents / 100 else 0 end
            )
        )::numeric(19, 4) as amount,
        currency,
        region,
        is_won,
        method_version,
        has_warning
    from ranked
)

select * from final
