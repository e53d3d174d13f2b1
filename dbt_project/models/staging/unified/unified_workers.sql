-- generated from include/extract by `python -m include.extract.generate`
with files as (
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
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__workers') }}
),

tenants as (
    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}
),

final as (
    select
        files.tenant_id,
        files.worker_key,
        files.full_name,
        files.email,
        files.job_title,
        files.department,
        files.manager_worker_key,
        files.hire_date,
        files.termination_date,
        files.base_pay,
        coalesce(files.currency, tenants.currency) as currency,
        files.source_system,
        files._run_id,
        files._loaded_at
    from files
    inner join tenants on files.tenant_id = tenants.tenant_id
)

select * from final
