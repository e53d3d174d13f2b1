-- Opening of a period is the closing of the one before.
with rolled as (
    select
        *,
        lag(closing_amount, 1, 0::numeric) over (
            partition by tenant_id, currency, rep_key order by period_end
        ) as previous_closing
    from {{ ref('compensation_roll_forward') }}
)

select * from rolled where opening_amount <> previous_closing
