-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__fiscal_periods') }}
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
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
