{{ config(materialized="view") }}

with reconciliation_runs as (
    select * from {{ source('finance', 'reconciliation_runs') }} where status = 'completed' and not is_replay
),

final as (
    select distinct on (tenant_id)
        tenant_id,
        as_of,
        run_id,
        rule_version,
        input_hash
    from reconciliation_runs
    order by tenant_id, as_of desc, run_id desc
)

select * from final
