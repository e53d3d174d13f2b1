-- What is owed at the end = what is accrued of all years less what was paid to those reps.
with owed as (
    select
        tenant_id, currency, sum(paid_amount) as paid_amount,
        sum(closing_amount) filter (where is_last) as closing_amount
    from (
        select *, period_end = max(period_end) over (partition by tenant_id, currency) as is_last
        from {{ ref('compensation_roll_forward') }}
    ) as rolled
    group by tenant_id, currency
),

accrued as (
    select tenant_id, currency, sum(cumulative_amount) as cumulative_amount
    from (
        select
            *, period_end = max(period_end) over (partition by tenant_id, currency, horizon_start) as is_last
        from {{ ref('compensation_accruals') }}
    ) as years
    where is_last
    group by tenant_id, currency
)

select owed.tenant_id, owed.currency, owed.closing_amount, accrued.cumulative_amount, owed.paid_amount
from owed
left join accrued
    on owed.tenant_id = accrued.tenant_id
    and owed.currency = accrued.currency
where owed.closing_amount <> coalesce(accrued.cumulative_amount, 0) - owed.paid_amount
