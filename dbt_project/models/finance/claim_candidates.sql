{{ config(materialized="view") }}

with match_candidates as (
    select * from {{ source('finance', 'match_candidates') }}
),

-- What was settled against first, then what might have been, last what nobody may claim on.
placed as (
    select
        *,
        parts -> 'refused' is not null as is_refused,
        row_number() over (
            partition by tenant_id, claim_id
            order by chosen desc, parts -> 'refused' is not null, rank
        ) as place
    from match_candidates
),

best as (
    select * from placed where place = 1
),

runners_up as (
    select distinct on (tenant_id, claim_id) *
    from placed
    where place > 1 and not chosen and not is_refused
    order by tenant_id, claim_id, place
),

final as (
    select
        best.tenant_id,
        best.claim_id,
        best.promotion_key,
        best.chosen as is_chosen,
        best.is_refused,
        best.score as best_score,
        best.evidence as best_evidence,
        best.parts as best_score_parts,
        best.parts ->> 'why' as why,
        runners_up.promotion_key as runner_up_key,
        runners_up.score as runner_up_score,
        runners_up.parts ->> 'why' as runner_up_why,
        best.score - runners_up.score as lead_over_second
    from best
    left join runners_up
        on best.tenant_id = runners_up.tenant_id
        and best.claim_id = runners_up.claim_id
)

select * from final
