{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- The folder's schema as it is written in dbt_project.yml: dbt's own rule would prefix it. -#}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
