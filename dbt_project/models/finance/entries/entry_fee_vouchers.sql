{{ config(materialized="view") }}

with {{ settlement_documents('AP_VOUCHER') }}

final as (
    select
        {{ document_columns() }}
    from posted
    cross join lateral (
        values
        (1, posted.accrued_account_code, posted.accrued_amount, 0),
        (2, posted.expense_account_code, posted.amount - posted.accrued_amount, 0),
        (3, posted.payable_account_code, 0, posted.amount)
    ) as line (line_number, account_code, debit_amount, credit_amount)
    where line.debit_amount <> 0 or line.credit_amount <> 0
)

select * from final
