with invoices as (
    select * from {{ ref('unified_invoices') }}
),

products as (
    select * from {{ ref('products') }}
),

final as (
    select
        invoices.tenant_id,
        invoices.invoice_key,
        invoices.line_number,
        invoices.invoice_date,
        invoices.customer_key,
        invoices.product_key,
        -- Eaches. A case whose size nobody stated has no known number of eaches, and is never taken for one.
        case
            when invoices.unit_of_measure = 'each' then invoices.units_shipped
            -- Nor is a number of eaches known where cases times their size is more than a quantity can be.
            when abs(invoices.units_shipped * products.units_per_case) < 1e12
                then invoices.units_shipped * products.units_per_case
        end::numeric(19, 4) as units_shipped,
        invoices.unit_of_measure,
        invoices.units_shipped as invoiced_units,
        coalesce(invoices.gross_amount, invoices.net_amount + coalesce(invoices.off_invoice_amount, 0)) as gross_amount,
        coalesce(invoices.off_invoice_amount, 0)::numeric(19, 4) as off_invoice_amount,
        invoices.net_amount as net_revenue,
        invoices.currency
    from invoices
    left join products
        on invoices.tenant_id = products.tenant_id
        and invoices.product_key = products.product_key
)

select * from final
