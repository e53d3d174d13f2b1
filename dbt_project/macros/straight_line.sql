{% macro straight_line(amount, months, month_number) -%}
    {#- One month of an amount spread evenly over `months`: whole cents, cut off, and what is left over in the last month,
        so that months sum to the amount and none is below zero (golden G-12). -#}
    (case
        when {{ month_number }} < {{ months }} then trunc({{ amount }} / {{ months }}, 2)
        else {{ amount }} - ({{ months }} - 1) * trunc({{ amount }} / {{ months }}, 2)
    end)::numeric(19, 4)
{%- endmacro %}
