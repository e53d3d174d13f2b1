with accrual_ledger as (
    select * from {{ source('finance', 'accrual_ledger') }}
),

posting_periods as (
    select *, fiscal_year::bigint * 1000 + fiscal_period as period_number from {{ ref('posting_periods') }}
),

promotion_accounts as (
    select * from {{ source('finance', 'promotion_accounts') }}
),

promotions as (
    select * from {{ ref('promotions') }}
),

latest_reconciliation as (
    select * from {{ ref('latest_reconciliation') }}
),

movements as (
    select
        accrual_ledger.tenant_id,
        accrual_ledger.promotion_key,
        accrual_ledger.currency,
        posting_periods.period_number,
        coalesce(sum(amount) filter (where movement = 'accrued'), 0) as accrued_amount,
        coalesce(sum(amount) filter (where movement = 'reversed'), 0) as reversed_amount,
        coalesce(sum(amount) filter (where movement = 'released'), 0) as released_amount
    from accrual_ledger
    inner join posting_periods
        on accrual_ledger.tenant_id = posting_periods.tenant_id
        and accrual_ledger.movement_date = posting_periods.posting_date
    group by accrual_ledger.tenant_id, accrual_ledger.promotion_key, accrual_ledger.currency, posting_periods.period_number
),

-- From the first movement to the last one, or to the present while something is open: a promotion that nothing moved
-- in a period is still part of that period's control account.
lives as (
    select
        tenant_id, promotion_key, currency, min(period_number) as first_period,
        case when sum(accrued_amount + reversed_amount + released_amount) = 0 then max(period_number) end as last_period
    from movements
    group by tenant_id, promotion_key, currency
),

periods as (
    select tenant_id, period_number, fiscal_year, fiscal_period, max(period_end_date) as period_end_date
    from posting_periods
    group by tenant_id, period_number, fiscal_year, fiscal_period
),

rolled as (
    select
        lives.tenant_id, lives.promotion_key, lives.currency, periods.fiscal_year, periods.fiscal_period,
        periods.period_end_date,
        coalesce(movements.accrued_amount, 0) as accrued_amount,
        coalesce(movements.reversed_amount, 0) as reversed_amount,
        coalesce(movements.released_amount, 0) as released_amount,
        sum(coalesce(movements.accrued_amount + movements.reversed_amount + movements.released_amount, 0)) over (
            partition by lives.tenant_id, lives.promotion_key, lives.currency order by periods.period_number
        ) as closing_amount
    from lives
    inner join periods
        on lives.tenant_id = periods.tenant_id
        and periods.period_number between lives.first_period and coalesce(lives.last_period, periods.period_number)
    left join movements
        on lives.tenant_id = movements.tenant_id
        and lives.promotion_key = movements.promotion_key
        and lives.currency = movements.currency
        and periods.period_number = movements.period_number
),

-- A period that is not over yet is aged to the business date the figures were made for.
aged as (
    select
        rolled.*,
        promotions.name as promotion_name,
        coalesce(promotion_accounts.accrued_account_code, promotions.accrual_account_code) as accrual_account_code,
        least(rolled.period_end_date, latest_reconciliation.as_of) - promotions.window_end as days_since_window_end,
        latest_reconciliation.as_of as data_as_of,
        latest_reconciliation.run_id
    from rolled
    left join promotions
        on rolled.tenant_id = promotions.tenant_id
        and rolled.promotion_key = promotions.promotion_key
    left join promotion_accounts
        on rolled.tenant_id = promotion_accounts.tenant_id
        and rolled.promotion_key = promotion_accounts.promotion_key
    left join latest_reconciliation on rolled.tenant_id = latest_reconciliation.tenant_id
),

final as (
    select
        tenant_id, promotion_key, promotion_name, accrual_account_code, currency, fiscal_year, fiscal_period, period_end_date,
        (closing_amount - accrued_amount - reversed_amount - released_amount)::numeric(19, 4) as opening_amount,
        accrued_amount::numeric(19, 4) as accrued_amount,
        reversed_amount::numeric(19, 4) as reversed_amount,
        released_amount::numeric(19, 4) as released_amount,
        closing_amount::numeric(19, 4) as closing_amount,
        days_since_window_end,
        (case when coalesce(days_since_window_end, -1) < 0 then closing_amount else 0 end)::numeric(19, 4) as running_amount,
        (case when days_since_window_end between 0 and 30 then closing_amount else 0 end)::numeric(19, 4) as days_0_30_amount,
        (case when days_since_window_end between 31 and 60 then closing_amount else 0 end)::numeric(19, 4) as days_31_60_amount,
        (case when days_since_window_end between 61 and 90 then closing_amount else 0 end)::numeric(19, 4) as days_61_90_amount,
        (case when days_since_window_end > 90 then closing_amount else 0 end)::numeric(19, 4) as days_over_90_amount,
        data_as_of,
        run_id
    from aged
)

select * from final
