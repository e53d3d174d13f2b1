-- What stands as posted to the ERP or committed there was confirmed, and what was taken back nets to nothing.
with answers as (
    select * from {{ source('finance', 'erp_answers') }}
),

confirmed as (
    select distinct answers.tenant_id, answers.journal_id, journals.promotion_key, journals.event
    from answers
    inner join {{ source('finance', 'journals') }} as journals
        on answers.tenant_id = journals.tenant_id
        and answers.journal_id = journals.journal_id
    where answers.answer = 'confirmed'
),

taken_back as (
    select answers.tenant_id, answers.journal_id, sum(lines.debit_amount - lines.credit_amount) as balance_amount
    from answers
    inner join {{ source('finance', 'journal_lines') }} as lines
        on answers.tenant_id = lines.tenant_id
        and lines.journal_id in (answers.journal_id, answers.reversing_journal_id)
    where answers.reversing_journal_id is not null
    group by answers.tenant_id, answers.journal_id, lines.account_code
)

select settlements.tenant_id, settlements.settlement_id::text as key, 'posted without a confirmation' as fault
from {{ source('finance', 'settlements') }} as settlements
left join confirmed
    on settlements.tenant_id = confirmed.tenant_id
    and settlements.gl_posting_json ->> 'idempotency_key' = confirmed.journal_id::text
where settlements.status = 'Posted to ERP' and confirmed.journal_id is null
union all
select states.tenant_id, states.promotion_key, 'committed without a confirmation'
from {{ source('finance', 'promotion_state') }} as states
left join confirmed
    on states.tenant_id = confirmed.tenant_id
    and states.promotion_key = confirmed.promotion_key
    and confirmed.event = 'ACCRUAL'
where states.lifecycle_status = 'Committed' and confirmed.journal_id is null
union all
select tenant_id, journal_id::text, 'refused and not taken back whole'
from taken_back
where balance_amount <> 0
