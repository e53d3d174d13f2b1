{% macro analyze_stale() -%}
    {#- Loads and dbt itself fill tables faster than autovacuum looks at them, and a plan made for an empty table can
        run for minutes. Only tables of this role: the engines' tables belong to another. -#}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set stale = run_query("
            select format('%I.%I', stat.schemaname, stat.relname)
            from pg_stat_user_tables as stat
            inner join pg_tables as own on own.schemaname = stat.schemaname and own.tablename = stat.relname
            where own.tableowner = current_user
                and stat.n_mod_since_analyze > 100 + stat.n_live_tup / 10
                and (stat.relname like 'raw\\_%' or stat.relname like 'pos\\_facts%')
        ") -%}
        {%- for row in stale.rows -%}
            {%- do run_query('analyze ' ~ row[0]) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
