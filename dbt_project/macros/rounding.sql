{% macro to_cents(amount) -%}
    {#- Halves go up, also below zero (resolution C50): the engines' floor(100 x + 0.5). -#}
    (floor(({{ amount }}) * 100 + 0.5) / 100)
{%- endmacro %}
