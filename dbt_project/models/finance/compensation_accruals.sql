{{ config(materialized="view") }}

with accrued_compensation as (
    select * from {{ source('finance', 'accrued_compensation') }}
),

accrued_compensation_reps as (
    select * from {{ source('finance', 'accrued_compensation_reps') }}
),

current_accruals as (
    select distinct on (tenant_id, horizon_start, currency, period_end) *
    from accrued_compensation
    order by tenant_id, horizon_start, currency, period_end, generation desc
),

final as (
    select
        current_accruals.tenant_id,
        current_accruals.horizon_start,
        current_accruals.horizon_end,
        current_accruals.currency,
        current_accruals.fiscal_year,
        current_accruals.fiscal_period,
        current_accruals.period_end,
        accrued_compensation_reps.rep_key,
        accrued_compensation_reps.measure,
        accrued_compensation_reps.role,
        accrued_compensation_reps.region,
        accrued_compensation_reps.method,
        accrued_compensation_reps.expected_payout,
        accrued_compensation_reps.expected_credited,
        accrued_compensation_reps.credited_amount,
        accrued_compensation_reps.accrued_before_amount,
        accrued_compensation_reps.true_up_amount,
        accrued_compensation_reps.catch_up_amount,
        accrued_compensation_reps.current_amount,
        accrued_compensation_reps.cumulative_amount,
        current_accruals.accrual_id,
        current_accruals.generation,
        current_accruals.simulation_id,
        current_accruals.as_of,
        current_accruals.run_id
    from current_accruals
    inner join accrued_compensation_reps
        on current_accruals.tenant_id = accrued_compensation_reps.tenant_id
        and current_accruals.accrual_id = accrued_compensation_reps.accrual_id
)

select * from final
