with products as (
    select * from {{ ref('unified_products') }}
),

padded as (
    select
        *,
        case when gtin ~ '^(\d{8}|\d{12,14})$' then lpad(gtin, 14, '0') end as gtin_14
    from products
),

final as (
    select
        padded.tenant_id,
        padded.product_key,
        padded.name,
        padded.brand,
        padded.category,
        padded.sub_category,
        padded.gtin,
        -- GS1: digits in odd places of the 14 count three times, and the sum is a multiple of ten.
        case
            when padded.gtin is null then null
            when padded.gtin_14 is null then false
            else (
                select sum(substr(padded.gtin_14, place, 1)::integer * case when place % 2 = 1 then 3 else 1 end)
                from generate_series(1, 14) as place
            ) % 10 = 0
        end as is_gtin_valid,
        padded.units_per_case,
        padded.list_price,
        padded.cogs_standard,
        padded.currency,
        padded.attributes,
        padded.source_system
    from padded
)

select * from final
