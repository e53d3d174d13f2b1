with remittances as (
    select * from {{ ref('unified_remittances') }}
),

customers as (
    select * from {{ ref('customers') }}
),

final as (
    select
        remittances.tenant_id,
        remittances.remittance_key,
        remittances.customer_key,
        remittances.received_date,
        remittances.gross_amount,
        remittances.net_amount,
        -- A remittance that states no total states it as what is missing from the gross.
        coalesce(remittances.total_deductions, remittances.gross_amount - remittances.net_amount) as total_deductions,
        customers.currency
    from remittances
    inner join customers
        on remittances.tenant_id = customers.tenant_id
        and remittances.customer_key = customers.customer_key
)

select * from final
