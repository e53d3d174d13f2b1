-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        decision_key,
        fiscal_year,
        period,
        action,
        reason,
        decided_by,
        decided_at,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__period_decisions') }}
),

final as (
    select
        tenant_id,
        decision_key,
        fiscal_year,
        period,
        action,
        reason,
        decided_by,
        decided_at,
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
