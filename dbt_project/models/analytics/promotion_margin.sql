{{ config(materialized="view") }}

with promotion_shipments as (
    select * from {{ ref('promotion_shipments') }}
),

promotions as (
    select * from {{ ref('promotions') }}
),

accrual_ledger as (
    select * from {{ source('finance', 'accrual_ledger') }}
),

settlements as (
    select * from {{ source('finance', 'settlements') }} where status in ('Queued', 'Posted to ERP', 'Reversed')
),

latest_reconciliation as (
    select * from {{ ref('latest_reconciliation') }}
),

open_accruals as (
    select tenant_id, promotion_key, currency, sum(amount) as amount
    from accrual_ledger
    group by tenant_id, promotion_key, currency
),

settled as (
    select tenant_id, promotion_key, currency, sum(amount_settled) as amount
    from settlements
    group by tenant_id, promotion_key, currency
),

final as (
    select
        promotion_shipments.tenant_id,
        promotion_shipments.promotion_key,
        promotions.name as promotion_name,
        promotions.customer_key,
        promotion_shipments.currency,
        promotion_shipments.units_shipped,
        promotion_shipments.gross_amount,
        promotion_shipments.off_invoice_amount,
        promotion_shipments.net_revenue,
        promotion_shipments.cogs_amount,
        -- Spend beside the invoice: what is accrued and still open, and what was settled. Off-invoice money is
        -- already missing from net revenue and is not taken off twice.
        (coalesce(open_accruals.amount, 0) + coalesce(settled.amount, 0))::numeric(19, 4) as trade_spend_amount,
        case
            when promotion_shipments.uncosted_line_count = 0
                then promotion_shipments.net_revenue - promotion_shipments.cogs_amount
                    - coalesce(open_accruals.amount, 0) - coalesce(settled.amount, 0)
        end::numeric(19, 4) as margin_amount,
        promotion_shipments.uncosted_line_count,
        latest_reconciliation.as_of as data_as_of,
        latest_reconciliation.run_id
    from promotion_shipments
    inner join promotions
        on promotion_shipments.tenant_id = promotions.tenant_id
        and promotion_shipments.promotion_key = promotions.promotion_key
    left join open_accruals
        on promotion_shipments.tenant_id = open_accruals.tenant_id
        and promotion_shipments.promotion_key = open_accruals.promotion_key
        and promotion_shipments.currency = open_accruals.currency
    left join settled
        on promotion_shipments.tenant_id = settled.tenant_id
        and promotion_shipments.promotion_key = settled.promotion_key
        and promotion_shipments.currency = settled.currency
    left join latest_reconciliation on promotion_shipments.tenant_id = latest_reconciliation.tenant_id
)

select * from final
