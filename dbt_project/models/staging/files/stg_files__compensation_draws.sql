-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__compensation_draws') }}
),

final as (
    select
        tenant_id,
        rep_key,
        period_start,
        period_end,
        draw_amount,
        is_recoverable,
        currency,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
