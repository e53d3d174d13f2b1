with workers as (
    select * from {{ ref('unified_workers') }}
),

final as (
    select
        tenant_id,
        worker_key,
        full_name,
        email,
        job_title,
        department,
        manager_worker_key,
        hire_date,
        termination_date,
        base_pay,
        currency,
        source_system
    from workers
)

select * from final
