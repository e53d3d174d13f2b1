{% macro per_tenant(seed, columns) -%}
    {#- A seed's rows for every tenant: its own where it has any, else those of `system`. Row security lets no
        tenant see the rows of `system`, so a view must never read a seed; tables carry the rows over. -#}
    select tenants.tenant_id, {% for column in columns %}seed_rows.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ ref('stg_tenancy__tenants') }} as tenants
    inner join {{ ref(seed) }} as seed_rows
        on seed_rows.tenant_id = case
            when exists (select 1 from {{ ref(seed) }} as own where own.tenant_id = tenants.tenant_id)
                then tenants.tenant_id
            else 'system'
        end
{%- endmacro %}
