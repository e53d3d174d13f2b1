{{ config(materialized="view") }}

with deduction_totals as (
    select * from {{ ref('deduction_totals') }}
),

final as (
    select
        tenant_id,
        currency,
        scope,
        scope_key,
        as_of as data_as_of,
        deduction_count,
        deducted_amount,
        open_amount,
        settled_amount,
        non_trade_amount,
        disputed_amount,
        recovered_amount,
        repaid_amount,
        written_off_amount,
        (auto_cleared_count::numeric / nullif(deduction_count, 0))::numeric(9, 6) as auto_clear_rate,
        (
            (disputed_amount + recovered_amount + written_off_amount - undisputed_amount)
            / nullif(disputed_amount + recovered_amount + written_off_amount, 0)
        )::numeric(9, 6) as dispute_rate,
        (recovered_amount / nullif(disputed_amount + recovered_amount + written_off_amount, 0))::numeric(9, 6) as recovery_rate,
        (100 * written_off_amount / nullif(deducted_amount, 0))::numeric(9, 4) as write_off_pct,
        (
            open_amount * measured_days / nullif(recent_amount, 0)
        )::numeric(12, 2) as days_deductions_outstanding,
        open_0_30_amount,
        open_31_60_amount,
        open_61_90_amount,
        open_over_90_amount,
        unmapped_reason_code_count,
        remittance_count,
        untied_remittance_count,
        differential_amount
    from deduction_totals
)

select * from final
