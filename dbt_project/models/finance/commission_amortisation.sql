with commission_costs as (
    select * from {{ ref('commission_costs') }} where expensed_because is null and cost_amount > 0
),

months as (
    select
        commission_costs.*,
        month_number,
        (first_month + make_interval(months => month_number - 1))::date as month_start,
        {{ straight_line('cost_amount', 'amortisation_months', 'month_number') }} as amortised_amount
    from commission_costs
    cross join lateral generate_series(1, amortisation_months) as month_number
),

final as (
    select
        tenant_id,
        payment_key,
        opportunity_key,
        month_number,
        month_start,
        rep_key,
        currency,
        cost_amount,
        amortised_amount,
        (sum(amortised_amount) over through_month)::numeric(19, 4) as amortised_to_date_amount,
        (cost_amount - sum(amortised_amount) over through_month)::numeric(19, 4) as unamortised_amount
    from months
    window through_month as (partition by tenant_id, payment_key, opportunity_key order by month_number)
)

select * from final
