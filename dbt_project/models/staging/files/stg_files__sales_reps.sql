-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__sales_reps') }}
),

final as (
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
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
