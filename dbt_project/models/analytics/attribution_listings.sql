with opportunities as (
    select * from {{ ref('opportunities') }} where amount is not null
),

listed as (
    select opportunities.tenant_id, opportunities.opportunity_key, 'oem' as party_type, entries.value, entries.place
    from opportunities
    cross join lateral jsonb_array_elements(
        case jsonb_typeof(opportunities.oems)
            when 'array' then opportunities.oems
            when 'string' then jsonb_build_array(opportunities.oems)
            else '[]'
        end
    ) with ordinality as entries (value, place)
    union all
    select opportunities.tenant_id, opportunities.opportunity_key, 'partner' as party_type, entries.value, entries.place
    from opportunities
    cross join lateral jsonb_array_elements(
        case jsonb_typeof(opportunities.partners)
            when 'array' then opportunities.partners
            when 'string' then jsonb_build_array(opportunities.partners)
            else '[]'
        end
    ) with ordinality as entries (value, place)
),

-- An entry is a name, or an object that has one.
named as (
    select
        tenant_id,
        opportunity_key,
        party_type,
        nullif(btrim(coalesce(value ->> 'name', case when jsonb_typeof(value) = 'string' then value #>> '{}' end)), '') as party,
        place
    from listed
),

final as (
    select
        tenant_id,
        opportunity_key,
        party_type,
        (row_number() over (partition by tenant_id, opportunity_key, party_type order by place))::integer as position,
        party,
        (count(*) over (partition by tenant_id, opportunity_key, party_type))::integer as party_count
    from named
    where party is not null
)

select * from final
