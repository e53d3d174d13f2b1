with sales_reps as (
    select * from {{ ref('unified_sales_reps') }}
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
        currency
    from sales_reps
)

select * from final
