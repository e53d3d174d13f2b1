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

-- Spend beside the invoice: what is accrued and still open, and what was settled. Off-invoice money is already missing
-- from net revenue and is not taken off twice.
spend as (
    select tenant_id, promotion_key, currency, sum(amount) as amount
    from (
        select tenant_id, promotion_key, currency, amount from accrual_ledger
        union all
        select tenant_id, promotion_key, currency, amount_settled from settlements where promotion_key is not null
    ) as spent
    group by tenant_id, promotion_key, currency
),

-- Spend on a promotion nothing was shipped for is a margin too, a negative one.
joined as (
    select
        tenant_id,
        promotion_key,
        currency,
        promotion_shipments.units_shipped,
        coalesce(promotion_shipments.gross_amount, 0) as gross_amount,
        coalesce(promotion_shipments.off_invoice_amount, 0) as off_invoice_amount,
        coalesce(promotion_shipments.net_revenue, 0) as net_revenue,
        case when promotion_shipments.tenant_id is null then 0 else promotion_shipments.cogs_amount end as cogs_amount,
        promotion_shipments.landed_cost_amount,
        coalesce(spend.amount, 0) as trade_spend_amount,
        coalesce(promotion_shipments.uncosted_line_count, 0) as uncosted_line_count
    from promotion_shipments
    full join spend using (tenant_id, promotion_key, currency)
    where promotion_shipments.tenant_id is not null or spend.amount <> 0
),

final as (
    select
        joined.tenant_id,
        joined.promotion_key,
        promotions.name as promotion_name,
        promotions.customer_key,
        joined.currency,
        joined.units_shipped,
        joined.gross_amount::numeric(19, 4) as gross_amount,
        joined.off_invoice_amount::numeric(19, 4) as off_invoice_amount,
        joined.net_revenue::numeric(19, 4) as net_revenue,
        joined.cogs_amount::numeric(19, 4) as cogs_amount,
        joined.landed_cost_amount,
        joined.trade_spend_amount::numeric(19, 4) as trade_spend_amount,
        case
            when joined.uncosted_line_count = 0
                then joined.net_revenue - joined.cogs_amount - joined.trade_spend_amount
        end::numeric(19, 4) as margin_amount,
        -- Per unit only where a unit stands behind it; a fraction too small to divide by would not fit.
        case
            when joined.units_shipped >= 1
                then (joined.off_invoice_amount + joined.trade_spend_amount) / joined.units_shipped
        end::numeric(19, 4) as spend_per_unit_amount,
        case
            when joined.units_shipped >= 1 then (joined.net_revenue - joined.trade_spend_amount) / joined.units_shipped
        end::numeric(19, 4) as net_price_per_unit_amount,
        joined.uncosted_line_count,
        latest_reconciliation.as_of as data_as_of,
        latest_reconciliation.run_id
    from joined
    inner join promotions
        on joined.tenant_id = promotions.tenant_id
        and joined.promotion_key = promotions.promotion_key
    left join latest_reconciliation on joined.tenant_id = latest_reconciliation.tenant_id
)

select * from final
