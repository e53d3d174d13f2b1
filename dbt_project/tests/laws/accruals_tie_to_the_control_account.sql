-- Open accrual of a promotion = what its journals left on its accrual account: sub-ledger and control account tie.
with movements as (
    select tenant_id, promotion_key, currency, sum(amount) as open_amount
    from {{ source('finance', 'accrual_ledger') }}
    group by tenant_id, promotion_key, currency
),

postings as (
    select
        lines.tenant_id, lines.promotion_key, lines.currency, sum(lines.credit_amount - lines.debit_amount) as balance_amount
    from {{ source('finance', 'journal_lines') }} as lines
    inner join {{ ref('posted_journals') }} as journals
        on lines.tenant_id = journals.tenant_id
        and lines.journal_id = journals.journal_id
        and lines.account_code = journals.accrued_account_code
    where lines.promotion_key is not null
    group by lines.tenant_id, lines.promotion_key, lines.currency
)

select
    coalesce(movements.tenant_id, postings.tenant_id) as tenant_id,
    coalesce(movements.promotion_key, postings.promotion_key) as promotion_key,
    movements.open_amount,
    postings.balance_amount
from movements
full outer join postings using (tenant_id, promotion_key, currency)
where coalesce(movements.open_amount, 0) <> coalesce(postings.balance_amount, 0)
