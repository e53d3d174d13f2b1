{{ config(materialized="view") }}

with claim_decisions as (
    select * from {{ source('finance', 'claim_decisions') }}
),

final as (
    select distinct on (tenant_id, decision_key, content_hash)
        tenant_id,
        decision_key,
        content_hash,
        claim_kind,
        claim_key,
        claim_id,
        action,
        promotion_key,
        amount,
        currency,
        status,
        why,
        reason,
        decided_by,
        decided_at,
        approved_by,
        approved_at,
        journal_ids,
        as_of,
        run_id,
        rule_version
    from claim_decisions
    order by tenant_id, decision_key, content_hash, revision desc
)

select * from final
