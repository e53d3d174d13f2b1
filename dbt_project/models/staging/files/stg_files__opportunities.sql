-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__opportunities') }}
),

final as (
    select
        tenant_id,
        opportunity_key,
        name,
        account_key,
        owner_rep_key,
        amount,
        currency,
        stage,
        is_won,
        is_closed,
        probability,
        created_date,
        close_date,
        type,
        region,
        customer_org,
        oems,
        partners,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
