with pos_facts as (
    select * from {{ source('intelligence', 'pos_facts') }}
),

customers as (
    select * from {{ ref('customers') }}
),

week_endings as (
    {{ per_tenant('week_endings', ['customer_key', 'week_end_day']) }}
),

by_weekday as (
    select
        pos_facts.tenant_id,
        customers.root_customer_key as customer_key,
        extract(isodow from pos_facts.sale_date)::integer as weekday,
        pos_facts.period,
        count(*) as row_count,
        min(pos_facts.sale_date) as first_sold_on,
        max(pos_facts.sale_date) as last_sold_on
    from pos_facts
    inner join customers
        on pos_facts.tenant_id = customers.tenant_id
        and pos_facts.customer_key = customers.customer_key
    group by pos_facts.tenant_id, customers.root_customer_key, extract(isodow from pos_facts.sale_date), pos_facts.period
),

-- A report dated on one weekday only is a weekly one, whatever its rows are called.
retailers as (
    select
        tenant_id,
        customer_key,
        count(distinct weekday) = 1 as is_weekly_report,
        (array_agg(weekday order by row_count desc, weekday) filter (where period = 'week'))[1] as weekly_day,
        min(weekday) as first_weekday,
        min(first_sold_on - case period when 'week' then 6 else 0 end) as first_covered_date,
        max(last_sold_on) as last_covered_date
    from by_weekday
    group by tenant_id, customer_key
),

final as (
    select
        retailers.tenant_id,
        retailers.customer_key,
        coalesce(
            own.week_end_day,
            case when retailers.is_weekly_report then retailers.first_weekday end,
            retailers.weekly_day,
            usual.week_end_day
        ) as week_end_day,
        case
            when own.week_end_day is not null then 'configured'
            when retailers.is_weekly_report or retailers.weekly_day is not null then 'reported'
            else 'default'
        end as basis,
        case
            when retailers.is_weekly_report then least(retailers.first_covered_date, retailers.first_covered_date - 6)
            else retailers.first_covered_date
        end as first_covered_date,
        retailers.last_covered_date
    from retailers
    left join week_endings as own
        on retailers.tenant_id = own.tenant_id
        and retailers.customer_key = own.customer_key
    left join week_endings as usual
        on retailers.tenant_id = usual.tenant_id
        and usual.customer_key is null
)

select * from final
