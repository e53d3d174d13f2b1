{% test parent_exists(model, columns, to, parent_columns=none) %}
{#- Every row whose `columns` are all given finds its parent in the same tenant. -#}
{%- set parents = parent_columns or columns %}
select child.tenant_id, {% for column in columns %}child.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
from {{ model }} as child
left join {{ to }} as parent
    on child.tenant_id = parent.tenant_id
    {%- for column in columns %}
    and child.{{ column }} = parent.{{ parents[loop.index0] }}
    {%- endfor %}
where parent.tenant_id is null
    {%- for column in columns %}
    and child.{{ column }} is not null
    {%- endfor %}
{% endtest %}
