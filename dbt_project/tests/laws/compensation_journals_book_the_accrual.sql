-- Debits equal credits, and the liability moves by what the period accrued.
with journals as (
    select
        tenant_id, accrual_id, sum(debit_amount - credit_amount) as balance,
        sum(credit_amount - debit_amount) filter (where line_number % 2 = 0) as liability
    from {{ ref('compensation_journal_lines') }}
    group by tenant_id, accrual_id
)

select accruals.tenant_id, accruals.accrual_id, journals.balance, journals.liability
from {{ ref('compensation_accruals') }} as accruals
left join journals
    on accruals.tenant_id = journals.tenant_id
    and accruals.accrual_id = journals.accrual_id
group by accruals.tenant_id, accruals.accrual_id, journals.balance, journals.liability
having coalesce(journals.balance, 0) <> 0
    or coalesce(journals.liability, 0) <> sum(accruals.true_up_amount + accruals.catch_up_amount + accruals.current_amount)
