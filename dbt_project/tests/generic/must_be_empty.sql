{% test must_be_empty(model, remedy) %}
{#- A listing that has to be empty; each row left is shown with `remedy`. -#}
select *, '{{ remedy }}'::text as remedy
from {{ model }}
{% endtest %}
