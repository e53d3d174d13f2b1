{{ config(materialized="view") }}

with {{ settlement_documents('SETTLEMENT_REVERSAL') }}

final as (
    select
        {{ document_columns() }}
    from posted
    cross join lateral (
        values
        (1, posted.clearing_account_code, posted.amount, 0),
        (2, posted.expense_account_code, 0, posted.amount),
        (3, posted.expense_account_code, posted.accrued_amount, 0),
        (4, posted.accrued_account_code, 0, posted.accrued_amount)
    ) as line (line_number, account_code, debit_amount, credit_amount)
    where line.debit_amount <> 0 or line.credit_amount <> 0
)

select * from final
