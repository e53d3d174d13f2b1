{{ config(materialized="view") }}

with journal_lines as (
    select * from {{ source('finance', 'journal_lines') }}
),

-- Debits and credits of a journal laid end to end on one ruler; where a debit and a credit cover the same stretch,
-- that stretch is the amount that went from one account to the other.
debits as (
    select
        *,
        sum(debit_amount) over ruler as stretch_end,
        sum(debit_amount) over ruler - debit_amount as stretch_start
    from journal_lines
    where debit_amount > 0
    window ruler as (partition by tenant_id, journal_id, currency order by line_number)
),

credits as (
    select
        *,
        sum(credit_amount) over ruler as stretch_end,
        sum(credit_amount) over ruler - credit_amount as stretch_start
    from journal_lines
    where credit_amount > 0
    window ruler as (partition by tenant_id, journal_id, currency order by line_number)
),

final as (
    select
        debits.tenant_id,
        debits.journal_id,
        debits.line_number as debit_line_number,
        credits.line_number as credit_line_number,
        debits.posting_date,
        debits.account_code as debit_account,
        credits.account_code as credit_account,
        debits.currency,
        (
            least(debits.stretch_end, credits.stretch_end) - greatest(debits.stretch_start, credits.stretch_start)
        )::numeric(19, 4) as amount,
        debits.event,
        debits.posted_by,
        debits.promotion_key,
        debits.claim_id
    from debits
    inner join credits
        on debits.tenant_id = credits.tenant_id
        and debits.journal_id = credits.journal_id
        and debits.currency = credits.currency
        and debits.stretch_start < credits.stretch_end
        and credits.stretch_start < debits.stretch_end
)

select * from final
