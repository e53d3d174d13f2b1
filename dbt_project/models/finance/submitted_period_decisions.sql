{{ config(materialized="view") }}

with files as (
    select * from {{ ref('unified_period_decisions') }}
),

posted_rows as (
    select * from {{ source('finance', 'posted_rows') }} where contract = 'period_decisions'
),

combined as (
    select
        tenant_id, decision_key, fiscal_year, period, action, reason, decided_by, decided_at,
        _loaded_at as submitted_at
    from files
    union all
    select
        tenant_id,
        row_key as decision_key,
        (content ->> 'fiscal_year')::integer as fiscal_year,
        (content ->> 'period')::integer as period,
        content ->> 'action' as action,
        content ->> 'reason' as reason,
        posted_by as decided_by,
        posted_at as decided_at,
        posted_at as submitted_at
    from posted_rows
),

-- A key counts once: what was handed in first.
final as (
    select distinct on (tenant_id, decision_key)
        tenant_id,
        decision_key,
        fiscal_year,
        period,
        action,
        reason,
        decided_by,
        decided_at
    from combined
    order by tenant_id, decision_key, submitted_at, decided_at
)

select * from final
