with quotas as (
    select * from {{ ref('quotas') }}
),

sales_credits as (
    select * from {{ ref('sales_credits') }}
),

exchange_rates as (
    select * from {{ ref('exchange_rates') }}
),

-- Credits inside the quota's own window, in the quota's currency; a window without credits stays (C11).
windowed as (
    select
        quotas.tenant_id,
        quotas.rep_key,
        quotas.measure,
        quotas.period_start,
        quotas.period_end,
        quotas.quota_amount,
        quotas.currency,
        sales_credits.credit_key,
        sales_credits.credit_type,
        sales_credits.amount * case
            when sales_credits.currency = quotas.currency then 1
            else exchange_rates.rate
        end as amount
    from quotas
    left join sales_credits
        on quotas.tenant_id = sales_credits.tenant_id
        and quotas.rep_key = sales_credits.rep_key
        and quotas.measure = sales_credits.measure
        and sales_credits.credit_date >= quotas.period_start
        and sales_credits.credit_date < quotas.period_end
    left join exchange_rates
        on sales_credits.tenant_id = exchange_rates.tenant_id
        and sales_credits.currency = exchange_rates.from_currency
        and quotas.currency = exchange_rates.to_currency
        and sales_credits.credit_date >= exchange_rates.rate_date
        and (exchange_rates.valid_to_date is null or sales_credits.credit_date <= exchange_rates.valid_to_date)
),

totals as (
    select
        tenant_id,
        rep_key,
        measure,
        period_start,
        period_end,
        currency,
        max(quota_amount) as quota_amount,
        -- Revenue credits and overlay credits are never added (C2).
        coalesce(sum(amount) filter (where credit_type = 'revenue'), 0)::numeric(19, 4) as credited_amount,
        coalesce(sum(amount) filter (where credit_type = 'overlay'), 0)::numeric(19, 4) as overlay_amount,
        count(credit_key)::integer as credit_count,
        count(*) filter (where credit_key is not null and amount is null)::integer as unconverted_credit_count
    from windowed
    group by tenant_id, rep_key, measure, period_start, period_end, currency
),

final as (
    select
        *,
        (credited_amount / nullif(quota_amount, 0))::numeric(38, 9) as attainment
    from totals
)

select * from final
