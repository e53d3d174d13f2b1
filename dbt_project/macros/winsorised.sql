{% macro winsorised(relation, carried) -%}
{#- CTEs up to `measured`: median, winsorised mean and spread of the first `weeks_used` of level_1 .. level_8 in a row of
    `relation`; the rest hold infinity. Columns, because an array would have to be taken apart and sorted row by row. -#}
{%- set levels = [] -%}
{%- for place in range(1, 9) %}{% do levels.append("level_" ~ place) %}{% endfor -%}
middled as (
    select *, {{ middle_of('level', 'weeks_used') }} as median_units
    from {{ in_order(relation, 'level', carried) }}
    offset 0
),

deviating as (
    select
        *,
        {% for place in range(1, 9) -%}
        abs(level_{{ place }} - median_units) as deviation_{{ place }}{{ "," if not loop.last }}
        {% endfor %}
    from middled
),

-- Winsorised: what lies more than three median deviations from the median is taken for a value that does.
bounded as (
    select *, 3 * {{ middle_of('deviation', 'weeks_used') }} as bound_units
    from {{ in_order('deviating', 'deviation', carried + ['median_units'] + levels) }}
    offset 0
),

kept as (
    select
        {{ carried | join(', ') }},
        median_units,
        {% for place in range(1, 9) -%}
        case
            when weeks_used >= {{ place }}
                then greatest(median_units - bound_units, least(level_{{ place }}, median_units + bound_units))
            else 0
        end as kept_{{ place }}{{ "," if not loop.last }}
        {% endfor %}
    from bounded
    offset 0
),

summed as (
    select
        {{ carried | join(', ') }},
        median_units,
        {% for place in range(1, 9) %}kept_{{ place }}{{ " + " if not loop.last }}{% endfor %} as kept_units,
        {% for place in range(1, 9) %}kept_{{ place }} * kept_{{ place }}{{ " + " if not loop.last }}{% endfor %} as kept_squares
    from kept
    offset 0
),

measured as (
    select
        *,
        kept_units / weeks_used as mean_units,
        sqrt((weeks_used * kept_squares - kept_units * kept_units) / nullif(weeks_used * (weeks_used - 1), 0)) as spread_units
    from summed
)
{%- endmacro %}

{% macro in_order(relation, prefix, carried) -%}
{#- `relation` with its columns `prefix`_1 .. `prefix`_8 exchanged until they rise (Batcher's network of comparisons): a
    fraction of what one sort per row costs. Without `offset 0` the planner writes every stage out inside the next. -#}
{%- set stages = [
    [(1, 2), (3, 4), (5, 6), (7, 8)], [(1, 3), (2, 4), (5, 7), (6, 8)], [(2, 3), (6, 7)],
    [(1, 5), (2, 6), (3, 7), (4, 8)], [(3, 5), (4, 6)], [(2, 3), (4, 5), (6, 7)]
] -%}
{%- set ns = namespace(query=relation) -%}
{%- for stage in stages -%}
{%- set columns = {} -%}
{%- for low, high in stage -%}
{%- do columns.update({
    low: "least(" ~ prefix ~ "_" ~ low ~ ", " ~ prefix ~ "_" ~ high ~ ") as " ~ prefix ~ "_" ~ low,
    high: "greatest(" ~ prefix ~ "_" ~ low ~ ", " ~ prefix ~ "_" ~ high ~ ") as " ~ prefix ~ "_" ~ high
}) -%}
{%- endfor -%}
{%- set exchanged = [] -%}
{%- for place in range(1, 9) -%}
{%- do exchanged.append(columns.get(place, prefix ~ "_" ~ place)) -%}
{%- endfor -%}
{%- set ns.query = "(select " ~ (carried + exchanged) | join(", ") ~ " from " ~ ns.query ~ " offset 0) as stage_" ~ loop.index -%}
{%- endfor -%}
{{ ns.query }}
{%- endmacro %}

{% macro middle_of(prefix, amount) -%}
{#- The median of the first `amount` of eight columns in rising order. -#}
{%- set places = [] -%}
{%- for place in range(1, 9) %}{% do places.append(prefix ~ "_" ~ place) %}{% endfor -%}
((array[{{ places | join(", ") }}])[({{ amount }} + 1) / 2] + (array[{{ places | join(", ") }}])[{{ amount }} / 2 + 1]) / 2
{%- endmacro %}
