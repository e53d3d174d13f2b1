{{ config(materialized="view") }}

with {{ settlement_documents('SETTLEMENT_REVERSAL') }}

payments as (
    select * from {{ source('finance', 'claims') }} where source_kind = 'ap_payment'
),

-- A fee paid by check never went through clearing: our copy of its voucher and payment is withdrawn.
final as (
    select
        {{ document_columns() }}
    from posted
    left join payments
        on posted.tenant_id = payments.tenant_id
        and posted.claim_id = payments.claim_id
    cross join lateral (
        values
        (
            1,
            case when payments.claim_id is null then posted.clearing_account_code else posted.cash_account_code end,
            posted.amount,
            0
        ),
        (
            2,
            posted.expense_account_code,
            0,
            posted.amount - case when payments.claim_id is null then 0 else posted.accrued_amount end
        ),
        (3, posted.expense_account_code, case when payments.claim_id is null then posted.accrued_amount else 0 end, 0),
        (4, posted.accrued_account_code, 0, posted.accrued_amount)
    ) as line (line_number, account_code, debit_amount, credit_amount)
    where line.debit_amount <> 0 or line.credit_amount <> 0
)

select * from final
