{{ config(materialized="view") }}

with claim_queue as (
    select * from {{ ref('claim_queue') }}
),

final as (
    select
        tenant_id,
        queue_position,
        claim_id,
        deduction_key,
        customer_key,
        customer_name,
        amount,
        amount_open,
        amount_disputed,
        value_amount,
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
        proposal,
        promotion_key,
        promotion_name,
        best_score,
        best_evidence,
        best_score_parts,
        why,
        runner_up_key,
        runner_up_score,
        runner_up_why,
        lead_over_second,
        data_as_of,
        run_id
    from claim_queue
)

select * from final
