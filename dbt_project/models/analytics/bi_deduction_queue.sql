{{ config(materialized="view") }}

with claim_queue as (
    select * from {{ ref('claim_queue') }}
),

final as (
    select
        tenant_id,
        row_number() over (
            partition by tenant_id
            order by days_to_dispute < 0, days_to_dispute nulls last, abs(amount_open + amount_disputed) desc, claim_id
        )::integer as queue_position,
        claim_id,
        deduction_key,
        customer_key,
        customer_name,
        amount,
        amount_open,
        amount_disputed,
        currency,
        posting_date,
        age_days,
        age_band,
        dispute_deadline,
        days_to_dispute,
        reason_code_normalized,
        outcome,
        reason,
        proposed_action,
        questions,
        promotion_key,
        promotion_name,
        best_score,
        best_evidence,
        best_score_parts,
        lead_over_second,
        data_as_of,
        run_id
    from claim_queue
)

select * from final
