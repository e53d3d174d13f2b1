{{ config(materialized="view") }}

with promotions as (
    select * from {{ ref('promotions') }}
),

promotion_products as (
    select * from {{ ref('promotion_products') }}
),

promotion_lifts as (
    select * from {{ source('planning', 'promotion_lifts') }}
),

promotion_results as (
    select * from {{ source('planning', 'promotion_results') }}
),

promotion_unit_margins as (
    select * from {{ ref('promotion_unit_margins') }}
),

promotion_margin as (
    select * from {{ ref('promotion_margin') }}
),

planned as (
    select tenant_id, promotion_key, sum(forecasted_base_units) as planned_base_units, sum(forecasted_uplift_units) as planned_uplift_units
    from promotion_products
    group by tenant_id, promotion_key
),

-- An extra unit is worth its price before discounts less its cost: what the discounts cost is the spend.
earned as (
    select
        promotion_results.tenant_id,
        promotion_results.promotion_key,
        promotion_results.method,
        sum(promotion_results.incremental_units * (margins.unit_price - margins.unit_cogs))
            filter (where promotion_results.week_kind = 'promotion') as gross_amount,
        sum(promotion_results.incremental_units * (margins.unit_price - margins.unit_cogs)) as net_amount,
        count(*) filter (where margins.unit_price is null or margins.unit_cogs is null) as unpriced_count
    from promotion_results
    left join promotion_unit_margins as margins
        on promotion_results.tenant_id = margins.tenant_id
        and promotion_results.promotion_key = margins.promotion_key
        and promotion_results.product_key = margins.product_key
    group by promotion_results.tenant_id, promotion_results.promotion_key, promotion_results.method
),

joined as (
    select
        promotion_lifts.*,
        promotions.name as promotion_name,
        promotions.customer_key,
        promotions.status,
        promotions.tactic_type,
        promotions.currency,
        promotions.planned_amount,
        planned.planned_base_units,
        planned.planned_uplift_units,
        coalesce(promotion_margin.trade_spend_amount + promotion_margin.off_invoice_amount, 0) as spend_amount,
        case when earned.unpriced_count = 0 then earned.gross_amount end as gross_margin_amount,
        case when earned.unpriced_count = 0 then earned.net_amount end as net_margin_amount
    from promotion_lifts
    inner join promotions
        on promotion_lifts.tenant_id = promotions.tenant_id
        and promotion_lifts.promotion_key = promotions.promotion_key
    left join planned
        on promotion_lifts.tenant_id = planned.tenant_id
        and promotion_lifts.promotion_key = planned.promotion_key
    left join promotion_margin
        on promotions.tenant_id = promotion_margin.tenant_id
        and promotions.promotion_key = promotion_margin.promotion_key
        and promotions.currency = promotion_margin.currency
    left join earned
        on promotion_lifts.tenant_id = earned.tenant_id
        and promotion_lifts.promotion_key = earned.promotion_key
        and promotion_lifts.method = earned.method
),

final as (
    select
        tenant_id,
        promotion_key,
        method,
        method = 'mean_of_8_clean_weeks' as is_usual_method,
        promotion_name,
        customer_key,
        status,
        tactic_type,
        currency,
        planned_base_units::numeric(19, 4) as planned_base_units,
        planned_uplift_units::numeric(19, 4) as planned_uplift_units,
        (100.0 * planned_uplift_units / nullif(planned_base_units, 0))::numeric(18, 2) as planned_uplift_pct,
        baseline_result_units,
        actual_units,
        gross_incremental_units,
        gross_low_units,
        gross_high_units,
        uplift_pct,
        dip_units,
        net_incremental_units,
        net_low_units,
        net_high_units,
        planned_amount as planned_spend_amount,
        spend_amount::numeric(19, 4) as spend_amount,
        (spend_amount - planned_amount)::numeric(19, 4) as spend_above_plan_amount,
        gross_margin_amount::numeric(19, 4) as gross_margin_amount,
        net_margin_amount::numeric(19, 4) as net_margin_amount,
        -- Return on less than a cent of spend would fit no column and mean nothing.
        case when spend_amount >= 0.01 then 100 * (gross_margin_amount - spend_amount) / spend_amount end::numeric(25, 2) as roi_gross_pct,
        case when spend_amount >= 0.01 then 100 * (net_margin_amount - spend_amount) / spend_amount end::numeric(25, 2) as roi_net_pct
    from joined
)

select * from final
