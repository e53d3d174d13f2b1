with shipment_facts as (
    select * from {{ ref('shipment_facts') }}
),

final as (
    select
        tenant_id,
        invoice_key,
        customer_key,
        currency,
        min(invoice_date) as invoice_date,
        count(*)::integer as line_count,
        sum(units_shipped)::numeric(19, 4) as units_shipped,
        (count(*) filter (where units_shipped is null))::integer as unconverted_line_count,
        sum(gross_amount)::numeric(19, 4) as gross_amount,
        sum(off_invoice_amount)::numeric(19, 4) as off_invoice_amount,
        sum(net_revenue)::numeric(19, 4) as net_amount
    from shipment_facts
    group by tenant_id, invoice_key, customer_key, currency
)

select * from final
