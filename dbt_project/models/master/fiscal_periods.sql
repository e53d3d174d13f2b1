with fiscal_periods as (
    select * from {{ ref('unified_fiscal_periods') }}
),

final as (
    select
        tenant_id,
        calendar,
        fiscal_year,
        period,
        start_date,
        end_date,
        coalesce(is_closed, false) as is_closed
    from fiscal_periods
)

select * from final
