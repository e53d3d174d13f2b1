with fiscal_periods as (
    select * from {{ ref('fiscal_periods') }}
),

final as (
    select
        tenant_id,
        calendar,
        fiscal_year,
        period,
        start_date,
        end_date
    from fiscal_periods
    where is_closed
)

select * from final
