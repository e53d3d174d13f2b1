{{ config(
    materialized="incremental",
    incremental_strategy="append",
    on_schema_change="fail",
    pre_hook=["{{ find_bridge_changes() }}", "{{ forget_changed_bridge_rows() }}", "{{ gather_sell_out_to_bridge() }}"],
    post_hook=["{{ remember_bridge_inputs() }}", "{% if not is_incremental() %}analyze {{ this }}{% endif %}"]
) }}

-- Not materialized where a table is read twice: the planner then knows its size and its indexes.
with promotion_windows as not materialized (
    select * from {{ ref('promotion_windows') }}
),

customers as not materialized (
    select * from {{ ref('customers') }}
),

pos_facts as not materialized (
    {{ sell_out_to_bridge() }}
),

matched as (
    select
        pos_facts.tenant_id,
        promotion_windows.promotion_key,
        pos_facts.sale_date,
        pos_facts.customer_key,
        pos_facts.product_key,
        pos_facts.units_sold,
        pos_facts.sales_value,
        pos_facts.currency,
        promotion_windows.planned_amount,
        sum(promotion_windows.planned_amount) over sold_row as planned_total,
        count(*) over sold_row as promotion_count,
        row_number() over (
            partition by pos_facts.tenant_id, pos_facts.product_key, pos_facts.sale_date, pos_facts.customer_key
            order by promotion_windows.promotion_key
        ) as place
    from promotion_windows
    inner join pos_facts
        on promotion_windows.tenant_id = pos_facts.tenant_id
        and promotion_windows.product_key = pos_facts.product_key
        and pos_facts.sale_date between promotion_windows.scan_start and promotion_windows.scan_end
    inner join customers as store
        on pos_facts.tenant_id = store.tenant_id
        and pos_facts.customer_key = store.customer_key
        and store.lft between promotion_windows.lft and promotion_windows.rgt
    window sold_row as (
        partition by pos_facts.tenant_id, pos_facts.product_key, pos_facts.sale_date, pos_facts.customer_key
    )
),

-- Promotions on the same row of sell-out share it by planned spend, equally where nothing is planned.
shared as (
    select
        *,
        case when planned_total > 0 then planned_amount / planned_total else 1.0 / promotion_count end as share_rate
    from matched
),

running as (
    select
        *,
        case when place = promotion_count then 1 else least(1, sum(share_rate) over shares_so_far) end as share_through,
        case when place = 1 then 0 else least(1, sum(share_rate) over shares_so_far - share_rate) end as share_before
    from shared
    window shares_so_far as (
        partition by tenant_id, product_key, sale_date, customer_key order by place
    )
),

final as (
    select
        tenant_id,
        promotion_key,
        sale_date,
        customer_key,
        product_key,
        currency,
        {{ shared_part('units_sold') }} as units_sold,
        {{ shared_part('sales_value') }} as sales_value,
        share_rate::numeric(18, 9) as share_rate,
        promotion_count::integer as overlapping_promotions
    from running
)

select * from final
