with opportunities as (
    select * from {{ ref('opportunities') }}
),

quotas as (
    select * from {{ ref('quotas') }} where measure = 'revenue'
),

-- A window's quota falls on its months by days. Rounding the running share and taking differences makes the
-- months of a window sum to the quota exactly.
quota_months as (
    select
        quotas.tenant_id,
        quotas.rep_key as rep_id,
        quotas.currency,
        months.month_start::date as period,
        quotas.quota_amount
        * (least(quotas.period_end, (months.month_start + interval '1 month')::date) - quotas.period_start)
        / (quotas.period_end - quotas.period_start) as quota_through_month,
        quotas.quota_amount
        * (greatest(quotas.period_start, months.month_start::date) - quotas.period_start)
        / (quotas.period_end - quotas.period_start) as quota_before_month
    from quotas
    cross join lateral generate_series(
        date_trunc('month', quotas.period_start::timestamp),
        (quotas.period_end - 1)::timestamp,
        interval '1 month'
    ) as months (month_start)
),

monthly_quotas as (
    select
        tenant_id,
        rep_id,
        currency,
        period,
        sum(round(quota_through_month, 4) - round(quota_before_month, 4)) as quota
    from quota_months
    group by tenant_id, rep_id, currency, period
),

monthly_wins as (
    select
        tenant_id,
        owner_rep_key as rep_id,
        currency,
        date_trunc('month', close_date::timestamp)::date as period,
        sum(coalesce(amount, 0)) as total_revenue,
        count(*)::integer as deal_count
    from opportunities
    where is_won and owner_rep_key is not null and close_date is not null
    group by tenant_id, owner_rep_key, currency, date_trunc('month', close_date::timestamp)
),

-- From quotas, with wins beside them: a rep with a quota and no win is a zero, not a missing row (C11).
final as (
    select
        coalesce(monthly_quotas.tenant_id, monthly_wins.tenant_id) as tenant_id,
        coalesce(monthly_quotas.rep_id, monthly_wins.rep_id) as rep_id,
        coalesce(monthly_quotas.period, monthly_wins.period) as period,
        coalesce(monthly_quotas.currency, monthly_wins.currency) as currency,
        coalesce(monthly_wins.total_revenue, 0)::numeric(19, 4) as total_revenue,
        coalesce(monthly_wins.deal_count, 0) as deal_count,
        monthly_quotas.quota::numeric(19, 4) as quota,
        (100 * coalesce(monthly_wins.total_revenue, 0) / nullif(monthly_quotas.quota, 0))::numeric(38, 9) as quota_attainment_pct
    from monthly_quotas
    full outer join monthly_wins
        on monthly_quotas.tenant_id = monthly_wins.tenant_id
        and monthly_quotas.rep_id = monthly_wins.rep_id
        and monthly_quotas.currency = monthly_wins.currency
        and monthly_quotas.period = monthly_wins.period
)

select * from final
