-- An invoice line is given away exactly once: the parts of the promotions on it sum to the line, in units and in money.
with shared as (
    select
        tenant_id,
        invoice_key,
        line_number,
        sum(units_shipped) as units_shipped,
        sum(gross_amount) as gross_amount,
        sum(off_invoice_amount) as off_invoice_amount,
        sum(net_revenue) as net_revenue,
        sum(cogs_amount) as cogs_amount
    from {{ ref('promotion_shipment_lines') }}
    group by tenant_id, invoice_key, line_number
)

select shared.*
from shared
left join {{ ref('shipment_costs') }} as shipment_costs
    on shared.tenant_id = shipment_costs.tenant_id
    and shared.invoice_key = shipment_costs.invoice_key
    and shared.line_number = shipment_costs.line_number
where
    shared.units_shipped is distinct from shipment_costs.units_shipped
    or shared.gross_amount is distinct from shipment_costs.gross_amount
    or shared.off_invoice_amount is distinct from shipment_costs.off_invoice_amount
    or shared.net_revenue is distinct from shipment_costs.net_revenue
    or shared.cogs_amount is distinct from shipment_costs.cogs_amount
