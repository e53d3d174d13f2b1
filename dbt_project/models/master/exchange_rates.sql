with exchange_rates as (
    select * from {{ ref('unified_exchange_rates') }}
),

-- Read in both directions; a quoted direction wins over the inverse of the other.
both_directions as (
    select tenant_id, from_currency, to_currency, rate_date, rate, false as is_inverse
    from exchange_rates
    union all
    select
        quoted.tenant_id,
        quoted.to_currency as from_currency,
        quoted.from_currency as to_currency,
        quoted.rate_date,
        1 / quoted.rate as rate,
        true as is_inverse
    from exchange_rates as quoted
    left join exchange_rates as opposite
        on quoted.tenant_id = opposite.tenant_id
        and quoted.from_currency = opposite.to_currency
        and quoted.to_currency = opposite.from_currency
        and quoted.rate_date = opposite.rate_date
    where opposite.tenant_id is null and quoted.rate > 0
),

final as (
    select
        tenant_id,
        from_currency,
        to_currency,
        rate_date,
        (
            lead(rate_date) over (partition by tenant_id, from_currency, to_currency order by rate_date) - 1
        ) as valid_to_date,
        rate,
        is_inverse
    from both_directions
)

select * from final
