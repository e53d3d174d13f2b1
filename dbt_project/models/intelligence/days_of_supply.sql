with monthly_flow as (
    select * from {{ ref('monthly_flow') }}
),

forward_buy_policies as (
    {{ per_tenant('forward_buy_policies', ['target_days']) }}
),

retailer_stock as (
    select * from {{ ref('retailer_stock') }}
),

first_months as (
    select distinct on (tenant_id, customer_key, product_group) *
    from monthly_flow
    order by tenant_id, customer_key, product_group, month_start_date
),

-- Where the retailer reported no stock, the first month starts at the target days of its own sell-out.
openings as (
    select
        first_months.tenant_id,
        first_months.customer_key,
        first_months.product_group,
        forward_buy_policies.target_days,
        coalesce(
            retailer_stock.opening_units,
            forward_buy_policies.target_days * greatest(first_months.sold_units, 0) / first_months.days_in_month
        ) as opening_units
    from first_months
    inner join forward_buy_policies on first_months.tenant_id = forward_buy_policies.tenant_id
    left join retailer_stock
        on first_months.tenant_id = retailer_stock.tenant_id
        and first_months.customer_key = retailer_stock.customer_key
        and first_months.product_group = retailer_stock.product_group
        and first_months.month_start_date = retailer_stock.month_start_date
),

running as (
    select
        monthly_flow.*,
        openings.target_days,
        openings.opening_units + sum(monthly_flow.shipped_units - monthly_flow.sold_units) over (
            partition by monthly_flow.tenant_id, monthly_flow.customer_key, monthly_flow.product_group
            order by monthly_flow.month_start_date
        ) as unfloored_units
    from monthly_flow
    inner join openings
        on monthly_flow.tenant_id = openings.tenant_id
        and monthly_flow.customer_key = openings.customer_key
        and monthly_flow.product_group = openings.product_group
),

-- inventory = max(0, inventory before + shipped - sold): what the running sum fell below zero at its lowest so far
-- was never there, so it is given back.
floored as (
    select
        *,
        unfloored_units - least(0, min(unfloored_units) over (
            partition by tenant_id, customer_key, product_group order by month_start_date
        )) as closing_units
    from running
),

final as (
    select
        floored.tenant_id,
        floored.customer_key,
        floored.product_group,
        floored.month_start_date,
        floored.days_in_month,
        floored.shipped_units,
        floored.sold_units,
        coalesce(
            lag(floored.closing_units) over (
                partition by floored.tenant_id, floored.customer_key, floored.product_group
                order by floored.month_start_date
            ),
            openings.opening_units
        )::numeric(19, 4) as opening_units,
        floored.closing_units::numeric(19, 4) as closing_units,
        (floored.sold_units / floored.days_in_month)::numeric(19, 4) as daily_sold_units,
        (floored.closing_units * floored.days_in_month / nullif(floored.sold_units, 0))::numeric(19, 4) as days_of_supply,
        (
            floored.sold_units / floored.days_in_month / nullif(
                lag(floored.sold_units / floored.days_in_month) over (
                    partition by floored.tenant_id, floored.customer_key, floored.product_group
                    order by floored.month_start_date
                ), 0
            ) - 1
        )::numeric(18, 9) as pos_growth_rate,
        floored.target_days
    from floored
    inner join openings
        on floored.tenant_id = openings.tenant_id
        and floored.customer_key = openings.customer_key
        and floored.product_group = openings.product_group
)

select * from final
