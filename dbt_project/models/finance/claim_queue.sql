{{ config(materialized="view") }}

with claims as (
    select * from {{ source('finance', 'claims') }}
),

claim_candidates as (
    select * from {{ ref('claim_candidates') }}
),

open_questions as (
    select * from {{ ref('claim_questions') }}
),

latest_reconciliation as (
    select * from {{ ref('latest_reconciliation') }}
),

customers as (
    select * from {{ ref('customers') }}
),

promotions as (
    select * from {{ ref('promotions') }}
),

-- What nobody has decided yet, what is in dispute, and whatever a person was asked about.
queued as (
    select claims.*
    from claims
    left join open_questions
        on claims.tenant_id = open_questions.tenant_id
        and claims.claim_id = open_questions.claim_id
    where claims.amount_open <> 0 or claims.amount_disputed <> 0 or open_questions.claim_id is not null
),

final as (
    select
        queued.tenant_id,
        row_number() over (
            partition by queued.tenant_id
            order by abs(queued.amount_open + queued.amount_disputed) desc, queued.posting_date, queued.claim_id
        )::integer as queue_position,
        queued.claim_id,
        queued.deduction_key,
        queued.payment_key,
        queued.customer_key,
        customers.name as customer_name,
        queued.amount,
        queued.amount_open,
        queued.amount_disputed,
        (queued.amount_open + queued.amount_disputed)::numeric(19, 4) as value_amount,
        queued.currency,
        queued.posting_date,
        latest_reconciliation.as_of - queued.posting_date as age_days,
        case
            when latest_reconciliation.as_of - queued.posting_date <= 30 then '0-30'
            when latest_reconciliation.as_of - queued.posting_date <= 60 then '31-60'
            when latest_reconciliation.as_of - queued.posting_date <= 90 then '61-90'
            else '>90'
        end as age_band,
        queued.dispute_deadline,
        queued.dispute_deadline - latest_reconciliation.as_of as days_to_dispute,
        queued.reason_code_normalized,
        queued.outcome,
        queued.reason,
        case
            when queued.outcome in ('DISPUTED', 'SETTLED_EXCESS_DISPUTED') then 'Chase repayment of the disputed amount'
            when queued.outcome = 'AMBIGUOUS' then 'Choose between the promotions proposed'
            when claim_candidates.is_refused then 'Dispute it, or reopen the promotion it was taken for'
            when queued.outcome = 'NEEDS_REVIEW' and claim_candidates.claim_id is null then 'Correct the reference, or name the promotion'
            when queued.outcome = 'NEEDS_REVIEW' then 'Confirm or refuse the proposed match'
            when queued.outcome = 'UNMATCHED' then 'Name the promotion, or write it to non-trade'
            when queued.outcome = 'DUPLICATE_SUSPECT' then 'Compare with the earlier claim; dispute if it is the same'
            when queued.outcome = 'PROOF_MISSING' then 'Ask for the proof of performance'
            when queued.outcome = 'PERIOD_CLOSED' then 'Post in an open period, or reopen the period with a reason'
            when queued.outcome = 'PARTLY_DECIDED' then 'Decide the rest'
            when queued.outcome = 'REOPENED' then 'Decide anew'
            else 'Look at the open question'
        end as proposed_action,
        open_questions.task_types,
        open_questions.questions,
        open_questions.proposal,
        coalesce(queued.promotion_key, claim_candidates.promotion_key) as promotion_key,
        promotions.name as promotion_name,
        queued.promotion_key is not null as is_decided,
        claim_candidates.best_score,
        claim_candidates.best_evidence,
        claim_candidates.best_score_parts,
        claim_candidates.why,
        claim_candidates.runner_up_key,
        claim_candidates.runner_up_score,
        claim_candidates.runner_up_why,
        claim_candidates.lead_over_second,
        latest_reconciliation.as_of as data_as_of,
        queued.run_id
    from queued
    left join latest_reconciliation on queued.tenant_id = latest_reconciliation.tenant_id
    left join customers
        on queued.tenant_id = customers.tenant_id
        and queued.customer_key = customers.customer_key
    left join claim_candidates
        on queued.tenant_id = claim_candidates.tenant_id
        and queued.claim_id = claim_candidates.claim_id
    left join open_questions
        on queued.tenant_id = open_questions.tenant_id
        and queued.claim_id = open_questions.claim_id
    left join promotions
        on queued.tenant_id = promotions.tenant_id
        and coalesce(queued.promotion_key, claim_candidates.promotion_key) = promotions.promotion_key
)

select * from final
