with incentive_payments as (
    select * from {{ ref('incentive_payments') }}
),

sales_credits as (
    select * from {{ ref('sales_credits') }} where credit_type = 'revenue'
),

exchange_rates as (
    select * from {{ ref('exchange_rates') }}
),

opportunities as (
    select * from {{ ref('opportunities') }}
),

tenants as (
    select * from {{ ref('stg_tenancy__tenants') }}
),

-- What each deal was credited inside the payment's window, in its currency; credits that name no deal are one item.
credited as (
    select
        incentive_payments.tenant_id,
        incentive_payments.payment_key,
        sales_credits.opportunity_key,
        min(sales_credits.credit_date) as first_credit_date,
        sum(sales_credits.amount * case
            when sales_credits.currency = incentive_payments.currency then 1 else exchange_rates.rate
        end) as credited_amount
    from incentive_payments
    inner join sales_credits
        on incentive_payments.tenant_id = sales_credits.tenant_id
        and incentive_payments.rep_key = sales_credits.rep_key
        and sales_credits.credit_date between incentive_payments.period_start and incentive_payments.period_end
    left join exchange_rates
        on sales_credits.tenant_id = exchange_rates.tenant_id
        and sales_credits.currency = exchange_rates.from_currency
        and incentive_payments.currency = exchange_rates.to_currency
        and sales_credits.credit_date >= exchange_rates.rate_date
        and (exchange_rates.valid_to_date is null or sales_credits.credit_date <= exchange_rates.valid_to_date)
    where incentive_payments.amount > 0
    group by incentive_payments.tenant_id, incentive_payments.payment_key, sales_credits.opportunity_key
),

-- A payment without anything credited keeps one row, so that every payment is here whole.
weighed as (
    select
        incentive_payments.*,
        credited.opportunity_key,
        credited.first_credit_date,
        credited.credited_amount,
        coalesce(credited.credited_amount, 1) as weight,
        sum(coalesce(credited.credited_amount, 1)) over (
            partition by incentive_payments.tenant_id, incentive_payments.payment_key
        ) as weight_total
    from incentive_payments
    left join credited
        on incentive_payments.tenant_id = credited.tenant_id
        and incentive_payments.payment_key = credited.payment_key
        and credited.credited_amount > 0
),

cut as (
    select
        *,
        floor(round(trunc(amount * 100) * weight / weight_total, 6)) as whole_cents,
        round(trunc(amount * 100) * weight / weight_total, 6) as exact_cents
    from weighed
),

-- Largest remainder: the cents left over go to the largest fractions, ties to the earlier deal.
ranked as (
    select
        *,
        row_number() over (
            partition by tenant_id, payment_key
            order by exact_cents - whole_cents desc, opportunity_key collate "C" nulls last
        ) as place,
        trunc(amount * 100) - sum(whole_cents) over (partition by tenant_id, payment_key) as cents_left,
        amount - trunc(amount * 100) / 100 as below_a_cent
    from cut
),

final as (
    select
        ranked.tenant_id, ranked.payment_key, ranked.opportunity_key, ranked.rep_key, ranked.currency,
        opportunities.type as deal_type,
        ranked.credited_amount::numeric(19, 4) as credited_amount,
        (
            (ranked.whole_cents + case when ranked.place <= ranked.cents_left then 1 else 0 end) / 100
            + case when ranked.place = 1 then ranked.below_a_cent else 0 end
        )::numeric(19, 4) as cost_amount,
        date_trunc('month', coalesce(ranked.first_credit_date, ranked.period_end)::timestamp)::date as first_month,
        (tenants.capitalise_months ->> opportunities.type)::integer as amortisation_months,
        case
            when ranked.amount <= 0 then 'nothing paid, or taken back'
            when ranked.credited_amount is null then 'no credit in the window'
            when ranked.opportunity_key is null then 'the credit names no deal'
            when opportunities.opportunity_key is null then 'unknown deal'
            when tenants.capitalise_months ->> opportunities.type is null then 'deal type is expensed'
            when (tenants.capitalise_months ->> opportunities.type)::integer <= tenants.expedient_months
                then 'practical expedient'
        end as expensed_because
    from ranked
    inner join tenants on ranked.tenant_id = tenants.tenant_id
    left join opportunities
        on ranked.tenant_id = opportunities.tenant_id
        and ranked.opportunity_key = opportunities.opportunity_key
)

select * from final
