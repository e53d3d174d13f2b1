with days_of_supply as (
    select * from {{ ref('days_of_supply') }}
),

forward_buy_policies as (
    {{ per_tenant('forward_buy_policies', ['ship_to_pos_ratio', 'pos_growth_rate', 'excess_days']) }}
),

measured as (
    select
        days_of_supply.*,
        days_of_supply.days_of_supply - days_of_supply.target_days as days_above_target,
        days_of_supply.closing_units
        - days_of_supply.target_days * days_of_supply.sold_units / days_of_supply.days_in_month as units_above_target,
        forward_buy_policies.ship_to_pos_ratio as ratio_bound,
        forward_buy_policies.pos_growth_rate as growth_bound,
        forward_buy_policies.excess_days as excess_bound
    from days_of_supply
    inner join forward_buy_policies on days_of_supply.tenant_id = forward_buy_policies.tenant_id
    where days_of_supply.sold_units > 0
),

-- Stock grew because the retailer bought ahead of the price, not because shoppers bought more.
final as (
    select
        tenant_id,
        customer_key,
        product_group,
        month_start_date,
        shipped_units,
        sold_units,
        (shipped_units / sold_units)::numeric(18, 9) as ship_to_pos_ratio,
        pos_growth_rate,
        days_of_supply,
        target_days,
        days_above_target::numeric(19, 4) as excess_days,
        units_above_target::numeric(19, 4) as excess_units,
        (100 * (shipped_units - sold_units) / shipped_units)::numeric(9, 2) as forward_buy_pct,
        -- What is left of accruals based on shipments while the retailer sells off its stock: the excess over the
        -- normal shipments of two months, taken as the month's own sell-out twice.
        greatest(0, 1 - units_above_target / (2 * sold_units))::numeric(9, 6) as accrual_factor
    from measured
    where
        shipped_units >= ratio_bound * sold_units
        and coalesce(pos_growth_rate, 0) <= growth_bound
        and days_above_target > excess_bound
)

select * from final
