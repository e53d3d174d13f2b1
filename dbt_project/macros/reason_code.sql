{% macro reason_code(code) -%}
    {#- A retailer's code as it is compared: no case, no blanks around, no leading zeros ('005' = '5'). -#}
    case when btrim({{ code }}) <> '' then coalesce(nullif(ltrim(upper(btrim({{ code }})), '0'), ''), '0') end
{%- endmacro %}
