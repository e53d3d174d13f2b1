with days_of_supply as (
    select * from {{ ref('days_of_supply') }}
),

customers as (
    select * from {{ ref('customers') }}
),

forward_buy_policies as (
    {{ per_tenant('forward_buy_policies', ['ship_to_pos_ratio', 'pos_growth_rate', 'excess_days', 'recovery_months']) }}
),

measured as (
    select
        days_of_supply.*,
        days_of_supply.days_of_supply - days_of_supply.target_days as days_above_target,
        days_of_supply.closing_units
        - days_of_supply.target_days * days_of_supply.sold_units / days_of_supply.days_in_month as units_above_target,
        forward_buy_policies.recovery_months,
        days_of_supply.is_whole_month
        and days_of_supply.sold_units > 0
        and days_of_supply.shipped_units >= forward_buy_policies.ship_to_pos_ratio * days_of_supply.sold_units
        and coalesce(days_of_supply.pos_growth_rate, 0) <= forward_buy_policies.pos_growth_rate
        and days_of_supply.days_of_supply - days_of_supply.target_days > forward_buy_policies.excess_days as is_loading
    from days_of_supply
    inner join forward_buy_policies on days_of_supply.tenant_id = forward_buy_policies.tenant_id
),

-- A month that loads and the months that sell it off say nothing about what is normally shipped.
calmed as (
    select
        *,
        bool_or(is_loading) over (
            partition by tenant_id, customer_key, product_group
            order by month_start_date
            range between interval '2 months' preceding and current row
        ) or not is_whole_month as is_affected
    from measured
),

compared as (
    select
        *,
        coalesce(
            avg(shipped_units) filter (where not is_affected) over (
                partition by tenant_id, customer_key, product_group
                order by month_start_date
                range between interval '12 months' preceding and interval '1 month' preceding
            ),
            sold_units
        ) * recovery_months as normal_shipped_units,
        month_start_date + days_in_month - 1 + least(ceil(days_above_target), 3650)::integer as expected_recovery_date,
        min(month_start_date + days_in_month - 1) filter (where is_whole_month and days_above_target <= 0) over (
            partition by tenant_id, customer_key, product_group
            order by month_start_date
            rows between 1 following and unbounded following
        ) as recovered_date
    from calmed
),

-- Stock grew because the retailer bought ahead of the price, not because shoppers bought more.
final as (
    select
        compared.tenant_id,
        compared.customer_key,
        compared.product_group,
        compared.month_start_date,
        compared.shipped_units,
        compared.sold_units,
        least(compared.shipped_units / compared.sold_units, 1e6)::numeric(18, 9) as ship_to_pos_ratio,
        compared.pos_growth_rate,
        compared.days_of_supply,
        compared.target_days,
        compared.days_above_target::numeric(19, 4) as excess_days,
        compared.units_above_target::numeric(19, 4) as excess_units,
        (100 * (compared.shipped_units - compared.sold_units) / compared.shipped_units)::numeric(9, 2) as forward_buy_pct,
        -- What is left of accruals based on shipments while the retailer sells off its stock.
        case
            when compared.normal_shipped_units > 0
                then greatest(0, 1 - compared.units_above_target / compared.normal_shipped_units)
            else 0
        end::numeric(9, 6) as accrual_factor,
        compared.normal_shipped_units::numeric(19, 4) as normal_shipped_units,
        least(compared.closing_units / compared.sold_units, 1200)::numeric(9, 2) as months_of_cover,
        compared.expected_recovery_date,
        compared.recovered_date,
        least(compared.expected_recovery_date, compared.recovered_date) as planning_blocked_until,
        format(
            'Loading the pantry: %s was shipped %s of %s in %s and sold %s. Its stock lasts %s days (%s months of cover), %s more'
            || ' than the target of %s. Plan no new promotions for it before it is sold off, expected by %s.',
            customers.name,
            round(compared.shipped_units),
            compared.product_group,
            to_char(compared.month_start_date, 'FMMonth YYYY'),
            round(compared.sold_units),
            round(compared.days_of_supply, 1),
            round(compared.closing_units / compared.sold_units, 1),
            round(compared.days_above_target, 1),
            round(compared.target_days),
            to_char(compared.expected_recovery_date, 'YYYY-MM-DD')
        ) as alert_text
    from compared
    inner join customers
        on compared.tenant_id = customers.tenant_id
        and compared.customer_key = customers.customer_key
    where compared.is_loading
)

select * from final
