-- Not materialized where a table is read twice: the planner then knows its size and its indexes.
with promotions as (
    select * from {{ ref('promotions') }}
    where status in ('Approved', 'Live', 'Closed', 'Settled') and settlement_method in ('scan_back', 'bill_back')
),

promotion_products as (
    select * from {{ ref('promotion_products') }}
),

customers as not materialized (
    select * from {{ ref('customers') }}
),

pos_facts as not materialized (
    select * from {{ source('intelligence', 'pos_facts') }}
),

shipment_facts as not materialized (
    select * from {{ ref('shipment_facts') }}
),

rated as (
    select
        promotions.tenant_id,
        promotions.promotion_key,
        promotions.settlement_method,
        promotions.window_start,
        promotions.window_end,
        promotion_products.product_key,
        promotion_products.discount_per_unit,
        customers.lft,
        customers.rgt,
        customers.root_customer_key
    from promotions
    inner join promotion_products
        on promotions.tenant_id = promotion_products.tenant_id
        and promotions.promotion_key = promotion_products.promotion_key
    inner join customers
        on promotions.tenant_id = customers.tenant_id
        and promotions.customer_key = customers.customer_key
),

-- What performance is counted in: units scanned for a scan-back, units shipped for a bill-back.
performed as (
    select rated.*, pos_facts.sale_date as performed_on, pos_facts.units_sold as units
    from rated
    inner join pos_facts
        on rated.tenant_id = pos_facts.tenant_id
        and rated.product_key = pos_facts.product_key
        and pos_facts.sale_date between rated.window_start and rated.window_end
    inner join customers as store
        on pos_facts.tenant_id = store.tenant_id
        and pos_facts.customer_key = store.customer_key
        and store.lft between rated.lft and rated.rgt
    where rated.settlement_method = 'scan_back'
    union all
    select rated.*, shipment_facts.invoice_date as performed_on, shipment_facts.units_shipped as units
    from rated
    inner join shipment_facts
        on rated.tenant_id = shipment_facts.tenant_id
        and rated.product_key = shipment_facts.product_key
        and shipment_facts.invoice_date between rated.window_start and rated.window_end
    inner join customers as node
        on shipment_facts.tenant_id = node.tenant_id
        and shipment_facts.customer_key = node.customer_key
        and node.lft between rated.lft and rated.rgt
    where rated.settlement_method = 'bill_back'
),

-- How far the data reaches: sell-out is awaited per retailer, our own invoices per company.
reached as (
    select pos_facts.tenant_id, 'scan_back' as settlement_method, customers.root_customer_key, max(pos_facts.sale_date) as through_date
    from pos_facts
    inner join customers using (tenant_id, customer_key)
    group by pos_facts.tenant_id, customers.root_customer_key
    union all
    select tenant_id, 'bill_back' as settlement_method, null as root_customer_key, max(invoice_date) as through_date
    from shipment_facts
    group by tenant_id
),

totals as (
    select
        tenant_id,
        promotion_key,
        settlement_method,
        root_customer_key,
        window_start,
        window_end,
        sum(units * discount_per_unit) as earned_amount,
        bool_and(units is not null and discount_per_unit is not null) as is_rated,
        count(distinct (performed_on - window_start) / 7)
            filter (where (performed_on - window_start) / 7 < (window_end - window_start + 1) / 7) as weeks_present
    from performed
    group by tenant_id, promotion_key, settlement_method, root_customer_key, window_start, window_end
),

-- Only what may be relied on: the window is over in the data, no whole week of sell-out is missing, every unit has
-- a rate, and the product can be meant. Everything else is absent, and the plan stays the authority (C9).
final as (
    select
        totals.tenant_id,
        totals.promotion_key,
        {{ to_cents('totals.earned_amount') }}::numeric(19, 4) as earned_amount,
        true as is_complete
    from totals
    inner join reached
        on totals.tenant_id = reached.tenant_id
        and totals.settlement_method = reached.settlement_method
        and (reached.root_customer_key is null or totals.root_customer_key = reached.root_customer_key)
    where
        totals.is_rated
        and abs(totals.earned_amount) < 1e14
        and reached.through_date >= totals.window_end
        and (totals.settlement_method = 'bill_back' or totals.weeks_present >= (totals.window_end - totals.window_start + 1) / 7)
)

select * from final
