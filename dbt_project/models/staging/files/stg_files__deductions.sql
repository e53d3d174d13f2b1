-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__deductions') }}
),

final as (
    select
        tenant_id,
        deduction_key,
        customer_key,
        amount,
        currency,
        posting_date,
        invoice_ref,
        order_ref,
        check_ref,
        remittance_key,
        reason_code_erp,
        description,
        promotion_id,
        gl_account_code,
        dispute_deadline,
        backup_doc_url,
        reversal_of,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
