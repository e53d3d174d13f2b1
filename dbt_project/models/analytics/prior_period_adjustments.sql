{{ config(materialized="view") }}

with journals as (
    select * from {{ source('finance', 'journals') }} where status = 'Posted' and posting_date > original_posting_date
),

journal_lines as (
    select * from {{ source('finance', 'journal_lines') }}
),

period_closes as (
    select * from {{ source('finance', 'period_closes') }} where event = 'closed'
),

-- Moved because of a close of ours: its last day lies between the day the posting belongs to and the day it landed on.
moved as (
    select distinct on (journals.tenant_id, journals.journal_id)
        journals.*,
        period_closes.calendar,
        period_closes.fiscal_year,
        period_closes.period
    from journals
    inner join period_closes
        on journals.tenant_id = period_closes.tenant_id
        and journals.original_posting_date <= period_closes.end_date
        and journals.posting_date > period_closes.end_date
        and journals.as_of >= period_closes.as_of
    order by journals.tenant_id, journals.journal_id, period_closes.end_date
),

amounts as (
    select tenant_id, journal_id, currency, sum(debit_amount) as amount
    from journal_lines
    group by tenant_id, journal_id, currency
),

final as (
    select
        moved.tenant_id,
        moved.journal_id,
        moved.event,
        moved.calendar,
        moved.fiscal_year,
        moved.period,
        moved.original_posting_date,
        moved.posting_date,
        moved.promotion_key,
        moved.claim_id,
        amounts.currency,
        amounts.amount::numeric(19, 4) as amount,
        moved.as_of as data_as_of,
        moved.run_id
    from moved
    inner join amounts
        on moved.tenant_id = amounts.tenant_id
        and moved.journal_id = amounts.journal_id
)

select * from final
