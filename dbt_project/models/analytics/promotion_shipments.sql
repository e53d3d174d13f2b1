with promotion_shipment_lines as (
    select * from {{ ref('promotion_shipment_lines') }}
),

final as (
    select
        tenant_id,
        promotion_key,
        currency,
        sum(units_shipped)::numeric(19, 4) as units_shipped,
        sum(gross_amount)::numeric(19, 4) as gross_amount,
        sum(off_invoice_amount)::numeric(19, 4) as off_invoice_amount,
        sum(net_revenue)::numeric(19, 4) as net_revenue,
        sum(cogs_amount)::numeric(19, 4) as cogs_amount,
        sum(landed_cost_amount)::numeric(19, 4) as landed_cost_amount,
        count(*)::integer as line_count,
        (count(*) filter (where cogs_amount is null))::integer as uncosted_line_count
    from promotion_shipment_lines
    group by tenant_id, promotion_key, currency
)

select * from final
