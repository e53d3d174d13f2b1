-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__period_decisions') }}
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
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
