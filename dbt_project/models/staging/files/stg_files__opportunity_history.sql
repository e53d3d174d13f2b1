-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__opportunity_history') }}
),

final as (
    select
        tenant_id,
        opportunity_key,
        changed_at,
        stage,
        amount,
        probability,
        close_date,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
