{{ config(materialized="view") }}

with files as (
    select * from {{ ref('unified_claim_decisions') }}
),

posted_rows as (
    select * from {{ source('finance', 'posted_rows') }} where contract = 'claim_decisions'
),

approvals as (
    select distinct on (tenant_id, row_key)
        tenant_id,
        row_key,
        approved_by,
        approved_at
    from {{ source('finance', 'posted_approvals') }}
    where contract = 'claim_decisions'
    order by tenant_id, row_key, approved_at desc, approved_by
),

combined as (
    select
        tenant_id,
        decision_key,
        claim_kind,
        claim_key,
        action,
        promotion_key,
        amount,
        reason,
        decided_by,
        decided_at,
        approved_by,
        approved_at,
        'file'::text as source,
        _loaded_at as submitted_at
    from files
    union all
    select
        tenant_id,
        row_key as decision_key,
        content ->> 'claim_kind' as claim_kind,
        content ->> 'claim_key' as claim_key,
        content ->> 'action' as action,
        content ->> 'promotion_key' as promotion_key,
        (content ->> 'amount')::numeric(19, 4) as amount,
        content ->> 'reason' as reason,
        posted_by as decided_by,
        posted_at as decided_at,
        null::text as approved_by,
        null::timestamptz as approved_at,
        'posted'::text as source,
        posted_at as submitted_at
    from posted_rows
),

-- The moment is left out: the same decision given twice, once here and once there, is one decision.
hashed as (
    select
        *,
        md5(jsonb_build_array(
            claim_kind, claim_key, action, promotion_key, amount, reason, decided_by
        )::text) as content
    from combined
),

ranked as (
    select
        *,
        row_number() over in_order as place,
        first_value(content) over in_order as first_content,
        first_value(source) over in_order as first_source
    from hashed
    window in_order as (partition by tenant_id, decision_key order by submitted_at, source)
),

final as (
    select
        ranked.tenant_id,
        ranked.decision_key,
        ranked.claim_kind,
        ranked.claim_key,
        ranked.action,
        ranked.promotion_key,
        ranked.amount,
        ranked.reason,
        ranked.decided_by,
        ranked.decided_at,
        coalesce(ranked.approved_by, approvals.approved_by) as approved_by,
        case when ranked.approved_by is null then approvals.approved_at else ranked.approved_at end as approved_at,
        ranked.source,
        ranked.submitted_at,
        case
            when ranked.place > 1
                then format(
                    'decision %s was submitted before (%s) with other content: use a new key',
                    ranked.decision_key, ranked.first_source
                )
        end as conflict
    from ranked
    left join approvals
        on ranked.tenant_id = approvals.tenant_id
        and ranked.decision_key = approvals.row_key
    where ranked.place = 1 or ranked.content <> ranked.first_content
)

select * from final
