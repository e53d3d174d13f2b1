with deduction_lines as (
    select * from {{ ref('unified_deduction_lines') }}
),

final as (
    select
        tenant_id,
        deduction_key,
        line_number,
        product_key,
        units,
        amount
    from deduction_lines
)

select * from final
