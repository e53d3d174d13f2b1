{{ config(materialized="view") }}

with accrual_ledger as (
    select * from {{ source('finance', 'accrual_ledger') }}
),

promotions as (
    select * from {{ ref('promotions') }}
),

latest_reconciliation as (
    select * from {{ ref('latest_reconciliation') }}
),

monthly as (
    select
        tenant_id,
        promotion_key,
        currency,
        date_trunc('month', movement_date::timestamp)::date as month_start_date,
        coalesce(sum(amount) filter (where movement = 'accrued'), 0) as accrued_amount,
        coalesce(sum(amount) filter (where movement = 'reversed'), 0) as reversed_amount,
        coalesce(sum(amount) filter (where movement = 'released'), 0) as released_amount
    from accrual_ledger
    group by tenant_id, promotion_key, currency, date_trunc('month', movement_date::timestamp)
),

rolled as (
    select
        *,
        sum(accrued_amount + reversed_amount + released_amount) over (
            partition by tenant_id, promotion_key, currency order by month_start_date
        ) as closing_amount
    from monthly
),

final as (
    select
        rolled.tenant_id,
        rolled.promotion_key,
        promotions.name as promotion_name,
        promotions.accrual_account_code,
        rolled.currency,
        rolled.month_start_date,
        (
            rolled.closing_amount - rolled.accrued_amount - rolled.reversed_amount - rolled.released_amount
        )::numeric(19, 4) as opening_amount,
        rolled.accrued_amount::numeric(19, 4) as accrued_amount,
        rolled.reversed_amount::numeric(19, 4) as reversed_amount,
        rolled.released_amount::numeric(19, 4) as released_amount,
        rolled.closing_amount::numeric(19, 4) as closing_amount,
        case when rolled.closing_amount <> 0 then latest_reconciliation.as_of - promotions.window_end end as days_since_window_end,
        latest_reconciliation.as_of as data_as_of,
        latest_reconciliation.run_id
    from rolled
    left join promotions
        on rolled.tenant_id = promotions.tenant_id
        and rolled.promotion_key = promotions.promotion_key
    left join latest_reconciliation on rolled.tenant_id = latest_reconciliation.tenant_id
)

select * from final
