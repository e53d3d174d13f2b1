-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__funds') }}
),

final as (
    select
        tenant_id,
        fund_key,
        name,
        total_budget,
        currency,
        start_date,
        end_date,
        owner,
        overdraw_pct,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
