-- The documents, derived from accruals, settlements and claims without a look at any journal line, are the journal lines:
-- per document, account and side, in both directions. Receipts, charge-backs, recoveries and write-offs are compared net,
-- because a claim says what stands and not every posting on the way. A claim posted under two sets of accounts (the
-- tenant changed them meanwhile) cannot be derived at one of them and is left out.
with document_lines as (
    select * from {{ ref('document_lines') }}
),

posted_journals as (
    select * from {{ ref('posted_journals') }}
),

journal_lines as (
    select posted_journals.document, posted_journals.subject_id, lines.*
    from {{ source('finance', 'journal_lines') }} as lines
    inner join posted_journals
        on lines.tenant_id = posted_journals.tenant_id
        and lines.journal_id = posted_journals.journal_id
),

moved as (
    select tenant_id, document, subject_id
    from posted_journals
    group by tenant_id, document, subject_id
    having
        count(
            distinct row(cash_account_code, receivable_account_code, clearing_account_code, write_off_account_code)
        ) > 1
),

all_lines as (
    select tenant_id, document, subject_id, account_code, currency, debit_amount, credit_amount, 1 as sign
    from document_lines
    union all
    select tenant_id, document, subject_id, account_code, currency, debit_amount, credit_amount, -1 as sign
    from journal_lines
),

compared as (
    select
        tenant_id, document, subject_id, account_code, currency,
        sum(sign * debit_amount) as debit_difference,
        sum(sign * credit_amount) as credit_difference
    from all_lines
    group by tenant_id, document, subject_id, account_code, currency
),

unposted as (
    select settlements.tenant_id, settlements.settlement_id, settlements.currency, settlements.amount_settled
    from {{ source('finance', 'settlements') }} as settlements
    left join posted_journals
        on settlements.tenant_id = posted_journals.tenant_id
        and settlements.gl_posting_json ->> 'idempotency_key' = posted_journals.journal_id::text
    where settlements.status in ('Queued', 'Posted to ERP', 'Reversed') and posted_journals.journal_id is null
)

select compared.*
from compared
left join moved using (tenant_id, document, subject_id)
where
    moved.subject_id is null
    and case
        when compared.document in ('DEDUCTION_RECEIPT', 'DEBIT_MEMO', 'RECOVERY', 'WRITE_OFF')
            then compared.debit_difference <> compared.credit_difference
        else compared.debit_difference <> 0 or compared.credit_difference <> 0
    end
union all
select tenant_id, 'a settlement without a journal', settlement_id, null, currency, amount_settled, amount_settled
from unposted
