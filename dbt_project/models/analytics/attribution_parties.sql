with attribution_listings as (
    select * from {{ ref('attribution_listings') }}
),

attribution_policies as (
    {{ per_tenant('attribution_policies', ['method_version', 'remainder', 'partner_pool_rate']) }}
),

attribution_weights as (
    {{ per_tenant('attribution_weights', ['position', 'weight_rate']) }}
),

weighed as (
    select
        attribution_listings.*,
        attribution_policies.method_version,
        attribution_policies.remainder,
        attribution_policies.partner_pool_rate,
        case attribution_listings.party_type
            when 'oem' then coalesce(attribution_weights.weight_rate, 0)
            else attribution_policies.partner_pool_rate / attribution_listings.party_count
        end as weight_rate,
        attribution_listings.party_type = 'oem' and attribution_weights.weight_rate is null as is_beyond_weights
    from attribution_listings
    inner join attribution_policies on attribution_listings.tenant_id = attribution_policies.tenant_id
    left join attribution_weights
        on attribution_listings.tenant_id = attribution_weights.tenant_id
        and attribution_listings.party_type = 'oem'
        and attribution_listings.position = attribution_weights.position
),

-- A name listed twice is one party with the sum of its shares (C3), at its first place.
merged as (
    select
        tenant_id,
        opportunity_key,
        party_type,
        party,
        min(position)::integer as position,
        sum(weight_rate) as weight_rate,
        max(method_version) as method_version,
        max(remainder) as remainder,
        max(partner_pool_rate) as partner_pool_rate,
        bool_or(is_beyond_weights) or count(*) > 1 as has_warning
    from weighed
    group by tenant_id, opportunity_key, party_type, party
),

-- The share no OEM took: a row of its own, shared out, or given to the first (C1).
oem_totals as (
    select tenant_id, opportunity_key, sum(weight_rate) as weight_total, max(method_version) as method_version, max(remainder) as remainder
    from merged
    where party_type = 'oem'
    group by tenant_id, opportunity_key
),

settled as (
    select
        merged.tenant_id,
        merged.opportunity_key,
        merged.party_type,
        merged.party,
        merged.position,
        case
            when merged.party_type = 'oem' and merged.remainder = 'renormalize'
                then merged.weight_rate / oem_totals.weight_total
            when merged.party_type = 'oem' and merged.remainder = 'to_primary' and merged.position = 1
                then merged.weight_rate + 1 - oem_totals.weight_total
            else merged.weight_rate
        end as weight_rate,
        case merged.party_type when 'partner' then merged.partner_pool_rate else 1 end as pool_rate,
        merged.method_version,
        merged.has_warning
    from merged
    left join oem_totals
        on merged.tenant_id = oem_totals.tenant_id
        and merged.opportunity_key = oem_totals.opportunity_key
    union all
    select
        tenant_id, opportunity_key, 'unallocated', 'unallocated', null, 1 - weight_total, 1, method_version, false
    from oem_totals
    where remainder = 'unallocated' and weight_total < 1
),

final as (
    select
        tenant_id,
        opportunity_key,
        party_type,
        party,
        position,
        case party_type when 'partner' then 'overlay' else 'revenue' end as credit_type,
        weight_rate::numeric(24, 18) as weight_rate,
        pool_rate::numeric(18, 9) as pool_rate,
        method_version,
        has_warning
    from settled
)

select * from final
