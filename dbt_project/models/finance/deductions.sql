-- Not materialized where a table is read twice: the planner then knows its size and its indexes.
with deductions as not materialized (
    select * from {{ ref('unified_deductions') }}
),

customers as not materialized (
    select * from {{ ref('customers') }}
),

reason_codes as (
    select * from {{ ref('reason_codes') }}
),

coded as (
    select distinct
        deductions.tenant_id,
        deductions.customer_key,
        {{ reason_code('deductions.reason_code_erp') }} as reason_code,
        customers.lft,
        customers.rgt
    from deductions
    inner join customers
        on deductions.tenant_id = customers.tenant_id
        and deductions.customer_key = customers.customer_key
    where deductions.reason_code_erp is not null
),

-- A code means what the nearest customer above says it means, and only then what it means for everybody.
normalized as (
    select distinct on (coded.tenant_id, coded.customer_key, coded.reason_code)
        coded.tenant_id,
        coded.customer_key,
        coded.reason_code,
        reason_codes.reason_code_normalized
    from coded
    inner join reason_codes
        on coded.tenant_id = reason_codes.tenant_id
        and coded.reason_code = reason_codes.reason_code
    left join customers as owner
        on reason_codes.tenant_id = owner.tenant_id
        and reason_codes.customer_key = owner.customer_key
    where reason_codes.customer_key is null or coded.lft between owner.lft and owner.rgt
    order by coded.tenant_id, coded.customer_key, coded.reason_code, owner.depth desc nulls last
),

final as (
    select
        deductions.tenant_id,
        deductions.deduction_key,
        deductions.customer_key,
        deductions.amount,
        deductions.currency,
        deductions.posting_date,
        deductions.invoice_ref,
        deductions.order_ref,
        deductions.check_ref,
        deductions.remittance_key,
        deductions.reason_code_erp,
        normalized.reason_code_normalized,
        deductions.description,
        deductions.promotion_id,
        deductions.gl_account_code,
        deductions.dispute_deadline,
        deductions.backup_doc_url,
        deductions.reversal_of
    from deductions
    left join normalized
        on deductions.tenant_id = normalized.tenant_id
        and deductions.customer_key = normalized.customer_key
        and {{ reason_code('deductions.reason_code_erp') }} = normalized.reason_code
)

select * from final
