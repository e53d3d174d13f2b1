{% macro name_based_uuid(namespace, name) -%}
    {#- RFC 9562 version 3 (MD5) of `name` in `namespace`: equals Python's uuid.uuid3. PostgreSQL has no SHA-1, so
        version 5 is out of reach in SQL; both are equally deterministic. -#}
    (
        select
            overlay(
                overlay(digest.hex placing '3' from 13 for 1)
                placing to_hex((('x' || substr(digest.hex, 17, 1))::bit(4)::integer & 3) | 8) from 17 for 1
            )::uuid
        from (select md5(uuid_send('{{ namespace }}'::uuid) || convert_to({{ name }}, 'UTF8')) as hex) as digest
    )
{%- endmacro %}
