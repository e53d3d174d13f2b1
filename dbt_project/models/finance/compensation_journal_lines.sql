{{ config(materialized="view") }}

with accrued_compensation as (
    select * from {{ source('finance', 'accrued_compensation') }}
),

current_accruals as (
    select distinct on (tenant_id, horizon_start, currency, period_end) *
    from accrued_compensation
    order by tenant_id, horizon_start, currency, period_end, generation desc
),

-- Expense and liability of each part; a part below zero is on the other side.
lines as (
    select
        current_accruals.*,
        parts.movement,
        sides.line_number,
        sides.account_code,
        sides.sign * parts.amount as amount
    from current_accruals
    cross join lateral (
        values (1, 'current', current_amount), (3, 'catch_up', catch_up_amount), (5, 'true_up', true_up_amount)
    ) as parts (first_line, movement, amount)
    cross join lateral (
        values (parts.first_line, expense_account, 1), (parts.first_line + 1, liability_account, -1)
    ) as sides (line_number, account_code, sign)
    where parts.amount <> 0
),

final as (
    select
        tenant_id,
        accrual_id,
        line_number,
        period_end as posting_date,
        fiscal_year,
        fiscal_period,
        horizon_start,
        movement,
        account_code,
        currency,
        greatest(amount, 0)::numeric(19, 4) as debit_amount,
        greatest(-amount, 0)::numeric(19, 4) as credit_amount,
        generation,
        run_id
    from lines
)

select * from final
