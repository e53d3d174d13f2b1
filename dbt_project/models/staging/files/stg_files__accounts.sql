-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__accounts') }}
),

final as (
    select
        tenant_id,
        account_key,
        name,
        industry,
        annual_revenue,
        employees,
        country,
        account_type,
        created_at,
        updated_at,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
