{% test key_is_unique(model, columns, nullable=[]) %}
{#- The grain: `columns` together name one row, and none of them is null except those in `nullable`. -#}
select {{ columns | join(', ') }}, count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{%- for column in columns if column not in nullable %}
    or {{ column }} is null
{%- endfor %}
{% endtest %}
