with shipment_facts as (
    select * from {{ ref('shipment_facts') }}
),

product_costs as (
    select * from {{ ref('product_costs') }}
),

products as (
    select * from {{ ref('products') }}
),

-- The cost of an invoice line is the cost in force on its date, else the product's standard cost.
unit_costs as (
    select
        shipment_facts.*,
        case
            when product_costs.currency = shipment_facts.currency then product_costs.cogs
            when products.currency = shipment_facts.currency then products.cogs_standard
        end as unit_cogs,
        case when product_costs.currency = shipment_facts.currency then product_costs.landed_cost end as unit_landed_cost
    from shipment_facts
    left join product_costs
        on shipment_facts.tenant_id = product_costs.tenant_id
        and shipment_facts.product_key = product_costs.product_key
        and shipment_facts.invoice_date >= product_costs.effective_date
        and (product_costs.valid_to_date is null or shipment_facts.invoice_date <= product_costs.valid_to_date)
    left join products
        on shipment_facts.tenant_id = products.tenant_id
        and shipment_facts.product_key = products.product_key
),

-- A cost no invoice line can have is an unknown cost.
final as (
    select
        tenant_id,
        invoice_key,
        line_number,
        invoice_date,
        customer_key,
        product_key,
        currency,
        units_shipped,
        gross_amount,
        off_invoice_amount,
        net_revenue,
        unit_cogs::numeric(19, 4) as unit_cogs,
        case when abs(units_shipped * unit_cogs) < 1e14 then units_shipped * unit_cogs end::numeric(19, 4) as cogs_amount,
        case
            when abs(units_shipped * unit_landed_cost) < 1e14 then units_shipped * unit_landed_cost
        end::numeric(19, 4) as landed_cost_amount
    from unit_costs
)

select * from final
