{{ config(materialized="view") }}

with match_candidates as (
    select * from {{ source('finance', 'match_candidates') }}
),

best as (
    select distinct on (tenant_id, claim_id) *
    from match_candidates
    order by tenant_id, claim_id, chosen desc, rank
),

runners_up as (
    select tenant_id, claim_id, score
    from match_candidates
    where rank = 2
),

final as (
    select
        best.tenant_id,
        best.claim_id,
        best.promotion_key,
        best.chosen as is_chosen,
        best.score as best_score,
        best.evidence as best_evidence,
        best.parts as best_score_parts,
        best.score - runners_up.score as lead_over_second
    from best
    left join runners_up
        on best.tenant_id = runners_up.tenant_id
        and best.claim_id = runners_up.claim_id
)

select * from final
