{{ config(materialized="view") }}

with deduction_kpis as (
    select * from {{ ref('deduction_kpis') }}
),

customers as (
    select * from {{ ref('customers') }}
),

final as (
    select deduction_kpis.*, customers.name as customer_name
    from deduction_kpis
    left join customers
        on deduction_kpis.tenant_id = customers.tenant_id
        and deduction_kpis.scope = 'customer'
        and deduction_kpis.scope_key = customers.customer_key
)

select * from final
