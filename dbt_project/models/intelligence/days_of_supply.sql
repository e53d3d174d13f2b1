with monthly_flow as (
    select * from {{ ref('monthly_flow') }}
),

forward_buy_policies as (
    {{ per_tenant('forward_buy_policies', ['target_days']) }}
),

retailer_stock as (
    select * from {{ ref('retailer_stock') }}
),

-- Stock is carried from month to month; a report of the retailer, or a month nobody reported, begins it anew.
marked as (
    select
        monthly_flow.*,
        forward_buy_policies.target_days,
        retailer_stock.opening_units as reported_units,
        monthly_flow.sold_units / monthly_flow.days_in_month as daily_units,
        (
            lag(monthly_flow.month_start_date) over series
            = (monthly_flow.month_start_date - interval '1 month')::date
        ) as follows_a_month,
        lag(case when monthly_flow.is_whole_month then monthly_flow.sold_units / monthly_flow.days_in_month end)
            over series as daily_units_before
    from monthly_flow
    inner join forward_buy_policies on monthly_flow.tenant_id = forward_buy_policies.tenant_id
    left join retailer_stock
        on monthly_flow.tenant_id = retailer_stock.tenant_id
        and monthly_flow.customer_key = retailer_stock.customer_key
        and monthly_flow.product_group = retailer_stock.product_group
        and monthly_flow.month_start_date = retailer_stock.month_start_date
    window series as (
        partition by monthly_flow.tenant_id, monthly_flow.customer_key, monthly_flow.product_group
        order by monthly_flow.month_start_date
    )
),

stretches as (
    select
        *,
        count(*) filter (where reported_units is not null or follows_a_month is not true) over (
            partition by tenant_id, customer_key, product_group order by month_start_date
        ) as stretch
    from marked
),

running as (
    select
        *,
        first_value(coalesce(reported_units, target_days * greatest(daily_units, 0))) over stretch_so_far as first_units,
        first_value(coalesce(reported_units, target_days * greatest(daily_units, 0))) over stretch_so_far
        + sum(shipped_units - sold_units) over stretch_so_far as unfloored_units
    from stretches
    window stretch_so_far as (
        partition by tenant_id, customer_key, product_group, stretch order by month_start_date
    )
),

-- inventory = max(0, inventory before + shipped - sold): what the running sum fell below zero at its lowest so far
-- was never there, so it is given back.
floored as (
    select
        *,
        unfloored_units - least(0, min(unfloored_units) over (
            partition by tenant_id, customer_key, product_group, stretch order by month_start_date
        )) as closing_units
    from running
),

final as (
    select
        tenant_id,
        customer_key,
        product_group,
        month_start_date,
        days_in_month,
        shipped_units,
        sold_units,
        coalesce(
            lag(closing_units) over (
                partition by tenant_id, customer_key, product_group, stretch order by month_start_date
            ),
            first_units
        )::numeric(19, 4) as opening_units,
        closing_units::numeric(19, 4) as closing_units,
        daily_units::numeric(19, 4) as daily_sold_units,
        -- More than a century of stock is told apart by nobody, and would not fit.
        case when sold_units > 0 then least(closing_units * days_in_month / sold_units, 36500) end::numeric(19, 4) as days_of_supply,
        case
            when follows_a_month and daily_units_before > 0
                then greatest(least(daily_units / daily_units_before - 1, 1e6), -1e6)
        end::numeric(18, 9) as pos_growth_rate,
        target_days,
        is_whole_month
    from floored
)

select * from final
