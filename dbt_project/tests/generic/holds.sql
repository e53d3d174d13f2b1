{% test holds(model, condition) %}
{#- `condition` is true (not false, not unknown) on every row. -#}
select *
from {{ model }}
where ({{ condition }}) is not true
{% endtest %}
