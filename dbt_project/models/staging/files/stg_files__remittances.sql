-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__remittances') }}
),

final as (
    select
        tenant_id,
        remittance_key,
        customer_key,
        received_date,
        gross_amount,
        net_amount,
        total_deductions,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
