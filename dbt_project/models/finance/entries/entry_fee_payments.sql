{{ config(materialized="view") }}

with settlements as (
    select * from {{ source('finance', 'settlements') }}
),

posted_journals as (
    select * from {{ ref('posted_journals') }} where event in ('AP_VOUCHER', 'AP_PAYMENT')
),

vouchers as (
    select posted_journals.*, settlements.currency, settlements.amount_settled as amount
    from settlements
    inner join posted_journals
        on settlements.tenant_id = posted_journals.tenant_id
        and settlements.gl_posting_json ->> 'idempotency_key' = posted_journals.journal_id::text
    where posted_journals.event = 'AP_VOUCHER'
),

-- The payment of a voucher is the journal of the same claim, promotion and turn.
posted as (
    select posted_journals.*, vouchers.currency, vouchers.amount
    from vouchers
    inner join posted_journals
        on vouchers.tenant_id = posted_journals.tenant_id
        and vouchers.claim_id = posted_journals.claim_id
        and vouchers.promotion_key = posted_journals.promotion_key
        and vouchers.generation = posted_journals.generation
    where posted_journals.event = 'AP_PAYMENT'
),

final as (
    select
        {{ document_columns() }}
    from posted
    cross join lateral (
        values
        (1, posted.payable_account_code, posted.amount, 0),
        (2, posted.cash_account_code, 0, posted.amount)
    ) as line (line_number, account_code, debit_amount, credit_amount)
    where line.debit_amount <> 0 or line.credit_amount <> 0
)

select * from final
