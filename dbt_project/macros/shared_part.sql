{% macro shared_part(quantity) -%}
    {#- One promotion's part of a quantity that several share. The running share is rounded and differences are taken, so
        that the parts sum to the whole exactly, to the fourth place. Needs share_before and share_through in scope. -#}
    (round({{ quantity }} * share_through, 4) - round({{ quantity }} * share_before, 4))::numeric(19, 4)
{%- endmacro %}
