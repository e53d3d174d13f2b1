with pos_facts as (
    select * from {{ source('intelligence', 'pos_facts') }}
),

-- Weeks that end on Sunday; a weekly row belongs to the week it ends in.
weekly as (
    select
        tenant_id,
        customer_key,
        product_key,
        (date_trunc('week', sale_date::timestamp)::date + 6) as week_end_date,
        sum(units_sold) as units_sold,
        bool_or(coalesce(is_promotion, false)) as is_promotion
    from pos_facts
    group by tenant_id, customer_key, product_key, date_trunc('week', sale_date::timestamp)
),

-- One week before and two after an event are no baseline either: stock is loaded before and eaten after.
flagged as (
    select
        *,
        bool_or(is_promotion) over (
            partition by tenant_id, customer_key, product_key
            order by week_end_date
            range between interval '14 days' preceding and interval '7 days' following
        ) as is_affected
    from weekly
),

numbered as (
    select
        *,
        count(*) filter (where not is_affected) over (
            partition by tenant_id, customer_key, product_key
            order by week_end_date
            rows between unbounded preceding and 1 preceding
        ) as clean_weeks_before
    from flagged
),

clean_means as (
    select
        tenant_id,
        customer_key,
        product_key,
        clean_weeks_before + 1 as clean_weeks,
        avg(units_sold) over last_weeks as mean_units,
        count(*) over last_weeks as weeks_used
    from numbered
    where not is_affected
    window last_weeks as (
        partition by tenant_id, customer_key, product_key
        order by week_end_date
        rows between 7 preceding and current row
    )
),

final as (
    select
        numbered.tenant_id,
        numbered.customer_key,
        numbered.product_key,
        numbered.week_end_date,
        numbered.units_sold::numeric(19, 4) as units_sold,
        numbered.is_promotion,
        case when clean_means.weeks_used >= 4 then clean_means.mean_units end::numeric(19, 4) as baseline_stat_units,
        case when clean_means.weeks_used >= 4 then floor(clean_means.mean_units + 0.5) end::bigint as baseline_units,
        coalesce(clean_means.weeks_used, 0)::integer as weeks_used,
        'mean_of_8_clean_weeks'::text as method,
        '1'::text as method_version
    from numbered
    left join clean_means
        on numbered.tenant_id = clean_means.tenant_id
        and numbered.customer_key = clean_means.customer_key
        and numbered.product_key = clean_means.product_key
        and numbered.clean_weeks_before = clean_means.clean_weeks
)

select * from final
