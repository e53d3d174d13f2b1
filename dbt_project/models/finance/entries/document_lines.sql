{{ config(materialized="view") }}

{% set documents = [
    'entry_accruals', 'entry_accrual_adjustments', 'entry_releases', 'entry_receipts', 'entry_settlements',
    'entry_settlement_reversals', 'entry_debit_memos', 'entry_recoveries', 'entry_write_offs', 'entry_fee_vouchers',
    'entry_fee_payments',
] %}

with lines as (
    {% for document in documents %}
    select * from {{ ref(document) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        tenant_id, document, subject_id, promotion_key, line_number, account_code, currency, debit_amount, credit_amount
    from lines
)

select * from final
