-- What the periods of a year have booked adds up to what is accrued, per rep and measure.
with summed as (
    select
        *,
        sum(true_up_amount + catch_up_amount + current_amount) over (
            partition by tenant_id, horizon_start, currency, rep_key, measure order by period_end
        ) as booked_amount
    from {{ ref('compensation_accruals') }}
)

select * from summed where booked_amount <> cumulative_amount
