-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        remittance_key,
        customer_key,
        received_date,
        gross_amount,
        net_amount,
        total_deductions,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__remittances') }}
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
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
