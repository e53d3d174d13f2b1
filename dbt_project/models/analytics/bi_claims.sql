{{ config(materialized="view") }}

with claims as (
    select * from {{ source('finance', 'claims') }}
),

customers as (
    select * from {{ ref('customers') }}
),

retailers as (
    select * from {{ ref('customers') }}
),

final as (
    select
        claims.tenant_id,
        claims.claim_id,
        claims.source_kind,
        claims.deduction_key,
        claims.payment_key,
        claims.customer_key,
        customers.name as customer_name,
        customers.root_customer_key as retailer_key,
        retailers.name as retailer_name,
        customers.region,
        claims.amount,
        claims.currency,
        claims.posting_date,
        claims.reason_code_normalized,
        claims.outcome,
        claims.reason,
        claims.dispute_status,
        claims.amount_settled,
        claims.amount_disputed,
        claims.amount_recovered,
        claims.amount_written_off,
        claims.amount_non_trade,
        claims.amount_open,
        claims.match_confidence_score,
        claims.evidence,
        claims.auto_cleared,
        claims.audit_flag,
        claims.promotion_key,
        claims.as_of as data_as_of,
        claims.run_id
    from claims
    left join customers
        on claims.tenant_id = customers.tenant_id
        and claims.customer_key = customers.customer_key
    left join retailers
        on customers.tenant_id = retailers.tenant_id
        and customers.root_customer_key = retailers.customer_key
)

select * from final
