{#- The bridge from sell-out to promotions is built from what changed: products on days that the loader wrote, windows that
    came, went or moved, customers that moved in the hierarchy. All of it happens in the model's own transaction, so what
    was taken from intelligence.pos_changes is back there when the build fails. -#}

{% macro find_bridge_changes() -%}
    create temporary table bridge_windows on commit drop as
    select
        tenant_id,
        promotion_key,
        product_key,
        windows.scan_start,
        windows.scan_end,
        built.scan_start as built_start,
        built.scan_end as built_end
    from {{ ref('promotion_windows') }} as windows
    full join {{ source('analytics', 'bridged_windows') }} as built using (tenant_id, promotion_key, product_key)
    where (windows.customer_key, windows.scan_start, windows.scan_end, windows.planned_amount)
        is distinct from (built.customer_key, built.scan_start, built.scan_end, built.planned_amount);

    create temporary table bridge_customers on commit drop as
    select tenant_id, customer_key
    from {{ ref('customers') }} as customers
    full join {{ source('analytics', 'bridged_customers') }} as built using (tenant_id, customer_key)
    where customers.hierarchy_path::text is distinct from built.hierarchy_path;

    create temporary table bridge_days on commit drop as
    with taken as (
        delete from {{ source('intelligence', 'pos_changes') }} returning tenant_id, product_key, sale_date
    )
    select tenant_id, product_key, sale_date from taken
    {%- if is_incremental() %}
    union
    select pos_facts.tenant_id, pos_facts.product_key, pos_facts.sale_date
    from (
        select tenant_id, product_key, scan_start, scan_end from bridge_windows where scan_start is not null
        union all
        select tenant_id, product_key, built_start, built_end from bridge_windows where built_start is not null
    ) as moved
    inner join {{ source('intelligence', 'pos_facts') }} as pos_facts
        on moved.tenant_id = pos_facts.tenant_id
        and moved.product_key = pos_facts.product_key
        and pos_facts.sale_date between moved.scan_start and moved.scan_end
    {%- endif %};

    analyze bridge_windows;
    analyze bridge_customers;
    analyze bridge_days
{%- endmacro %}

{% macro forget_changed_bridge_rows() -%}
    {%- if is_incremental() %}
    delete from {{ this }} as bridge using bridge_days as days
    where bridge.tenant_id = days.tenant_id and bridge.product_key = days.product_key and bridge.sale_date = days.sale_date;

    delete from {{ this }} as bridge using bridge_customers as moved
    where bridge.tenant_id = moved.tenant_id and bridge.customer_key = moved.customer_key
    {%- endif %}
{%- endmacro %}

{% macro gather_sell_out_to_bridge() -%}
    {#- A table of its own, analysed: without its size the planner compares every row with every window. -#}
    {%- if is_incremental() %}
    create temporary table bridge_sales on commit drop as
    select pos_facts.*
    from bridge_days
    inner join {{ source('intelligence', 'pos_facts') }} as pos_facts using (tenant_id, product_key, sale_date)
    union all
    select pos_facts.*
    from bridge_customers
    inner join {{ source('intelligence', 'pos_facts') }} as pos_facts using (tenant_id, customer_key)
    left join bridge_days using (tenant_id, product_key, sale_date)
    where bridge_days.tenant_id is null;

    analyze bridge_sales
    {%- endif %}
{%- endmacro %}

{% macro sell_out_to_bridge() -%}
    {#- All sell-out where the bridge is built from nothing, else what changed since it was built. -#}
    select * from {% if is_incremental() %}bridge_sales{% else %}{{ source('intelligence', 'pos_facts') }}{% endif %}
{%- endmacro %}

{% macro remember_bridge_inputs() -%}
    delete from {{ source('analytics', 'bridged_windows') }} as built using bridge_windows as moved
    where built.tenant_id = moved.tenant_id
        and built.promotion_key = moved.promotion_key
        and built.product_key = moved.product_key;

    insert into {{ source('analytics', 'bridged_windows') }}
    select tenant_id, promotion_key, product_key, windows.customer_key, windows.scan_start, windows.scan_end, windows.planned_amount
    from {{ ref('promotion_windows') }} as windows
    inner join bridge_windows using (tenant_id, promotion_key, product_key);

    delete from {{ source('analytics', 'bridged_customers') }} as built using bridge_customers as moved
    where built.tenant_id = moved.tenant_id and built.customer_key = moved.customer_key;

    insert into {{ source('analytics', 'bridged_customers') }}
    select tenant_id, customer_key, customers.hierarchy_path::text
    from {{ ref('customers') }} as customers
    inner join bridge_customers using (tenant_id, customer_key);

    drop table if exists bridge_windows, bridge_customers, bridge_days, bridge_sales
{%- endmacro %}
