-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        scope,
        scope_key,
        period_start,
        period_end,
        budget_amount,
        currency,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__compensation_budgets') }}
),

final as (
    select
        tenant_id,
        scope,
        scope_key,
        period_start,
        period_end,
        budget_amount,
        currency,
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
