{{ config(materialized="view") }}

with compensation_accruals as (
    select * from {{ ref('compensation_accruals') }}
),

incentive_payments as (
    select * from {{ ref('incentive_payments') }}
),

tenants as (
    select * from {{ ref('stg_tenancy__tenants') }}
),

periods as (
    select tenant_id, currency, period_end, max(fiscal_year) as fiscal_year, max(fiscal_period) as fiscal_period
    from compensation_accruals
    group by tenant_id, currency, period_end
),

accrued as (
    select
        tenant_id, currency, period_end, rep_key,
        sum(current_amount) as current_amount, sum(catch_up_amount) as catch_up_amount,
        sum(true_up_amount) as true_up_amount, 0::numeric as paid_amount, 0::numeric as paid_not_accrued_amount
    from compensation_accruals
    group by tenant_id, currency, period_end, rep_key
),

years as (
    select tenant_id, currency, horizon_start, horizon_end, array_agg(distinct rep_key) as rep_keys
    from compensation_accruals
    group by tenant_id, currency, horizon_start, horizon_end
),

-- A payment settles the year its window ends in, in the first accrued period that ends on or after the day it is paid.
paid as (
    select
        incentive_payments.tenant_id,
        incentive_payments.currency,
        settled.period_end,
        incentive_payments.rep_key,
        0::numeric as current_amount, 0::numeric as catch_up_amount, 0::numeric as true_up_amount,
        case when incentive_payments.rep_key = any(years.rep_keys) then amount else 0 end as paid_amount,
        case when incentive_payments.rep_key = any(years.rep_keys) then 0 else amount end as paid_not_accrued_amount
    from incentive_payments
    inner join tenants on incentive_payments.tenant_id = tenants.tenant_id
    inner join years
        on incentive_payments.tenant_id = years.tenant_id
        and incentive_payments.currency = years.currency
        and incentive_payments.period_end >= years.horizon_start
        and incentive_payments.period_end < years.horizon_end
    cross join lateral (
        select min(periods.period_end) as period_end
        from periods
        where periods.tenant_id = incentive_payments.tenant_id
            and periods.currency = incentive_payments.currency
            and periods.period_end >= incentive_payments.period_end + tenants.payment_lag_days
    ) as settled
    where settled.period_end is not null
),

moved as (
    select * from accrued
    union all
    select * from paid
),

reps as (
    select tenant_id, currency, rep_key, min(period_end) as first_period_end
    from moved
    group by tenant_id, currency, rep_key
),

rolled as (
    select
        periods.tenant_id, periods.currency, periods.fiscal_year, periods.fiscal_period, periods.period_end, reps.rep_key,
        coalesce(sum(moved.current_amount), 0) as current_amount,
        coalesce(sum(moved.catch_up_amount), 0) as catch_up_amount,
        coalesce(sum(moved.true_up_amount), 0) as true_up_amount,
        coalesce(sum(moved.paid_amount), 0) as paid_amount,
        coalesce(sum(moved.paid_not_accrued_amount), 0) as paid_not_accrued_amount
    from reps
    inner join periods
        on reps.tenant_id = periods.tenant_id
        and reps.currency = periods.currency
        and reps.first_period_end <= periods.period_end
    left join moved
        on periods.tenant_id = moved.tenant_id
        and periods.currency = moved.currency
        and periods.period_end = moved.period_end
        and reps.rep_key = moved.rep_key
    group by 1, 2, 3, 4, 5, 6
),

closed as (
    select
        *,
        sum(current_amount + catch_up_amount + true_up_amount - paid_amount) over (
            partition by tenant_id, currency, rep_key order by period_end
        ) as closing_amount
    from rolled
),

final as (
    select
        tenant_id, currency, fiscal_year, fiscal_period, period_end, rep_key,
        (closing_amount - current_amount - catch_up_amount - true_up_amount + paid_amount)::numeric(19, 4) as opening_amount,
        current_amount::numeric(19, 4) as current_amount,
        catch_up_amount::numeric(19, 4) as catch_up_amount,
        true_up_amount::numeric(19, 4) as true_up_amount,
        paid_amount::numeric(19, 4) as paid_amount,
        closing_amount::numeric(19, 4) as closing_amount,
        paid_not_accrued_amount::numeric(19, 4) as paid_not_accrued_amount
    from closed
)

select * from final
