{% macro reason_code(code) -%}
    {#- A retailer's code as it is compared: no label ('05 - Shortage'), case, blanks around or leading zeros ('005' = '5'). -#}
    case
        when btrim({{ code }}) <> ''
            then coalesce(nullif(ltrim(upper(btrim(regexp_replace({{ code }}, '\s+[-–:]\s+.*$', ''))), '0'), ''), '0')
    end
{%- endmacro %}
