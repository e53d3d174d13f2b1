-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        calendar,
        fiscal_year,
        period,
        start_date,
        end_date,
        is_closed,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__fiscal_periods') }}
),

final as (
    select
        tenant_id,
        calendar,
        fiscal_year,
        period,
        start_date,
        end_date,
        is_closed,
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
