-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__workers') }}
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
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
