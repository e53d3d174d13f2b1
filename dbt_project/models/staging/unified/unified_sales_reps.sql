-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        rep_key,
        name,
        role,
        region,
        territory,
        manager_rep_key,
        plan_key,
        hire_date,
        termination_date,
        ramp_months,
        target_incentive,
        base_salary,
        commission_rate,
        currency,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__sales_reps') }}
),

tenants as (
    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}
),

final as (
    select
        files.tenant_id,
        files.rep_key,
        files.name,
        files.role,
        files.region,
        files.territory,
        files.manager_rep_key,
        files.plan_key,
        files.hire_date,
        files.termination_date,
        files.ramp_months,
        files.target_incentive,
        files.base_salary,
        files.commission_rate,
        coalesce(files.currency, tenants.currency) as currency,
        files.source_system,
        files._run_id,
        files._loaded_at
    from files
    inner join tenants on files.tenant_id = tenants.tenant_id
)

select * from final
