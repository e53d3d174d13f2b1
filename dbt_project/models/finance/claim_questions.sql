{{ config(materialized="view") }}

with claim_tasks as (
    select * from {{ source('finance', 'claim_tasks') }} where status = 'open' and claim_id is not null
),

-- How the claim would be spread, if a person agrees.
parts as (
    select
        claim_tasks.tenant_id,
        claim_tasks.task_id,
        string_agg(to_char(part.value::numeric, 'FM999,999,999,990.00') || ' on ' || part.key, ' + ' order by part.key)
            as settled
    from claim_tasks
    cross join lateral jsonb_each_text(claim_tasks.proposal -> 'settle') as part
    group by claim_tasks.tenant_id, claim_tasks.task_id
),

proposed as (
    select
        claim_tasks.tenant_id,
        claim_tasks.task_id,
        case
            when parts.settled is not null
                then 'settle ' || parts.settled
                    || case
                        when (claim_tasks.proposal ->> 'rest')::numeric > 0
                            then '; ' || to_char((claim_tasks.proposal ->> 'rest')::numeric, 'FM999,999,999,990.00') || ' is left'
                        else ''
                    end
            when claim_tasks.proposal ->> 'chargeback' is not null
                then 'charge back ' || to_char((claim_tasks.proposal ->> 'chargeback')::numeric, 'FM999,999,999,990.00')
        end as proposal
    from claim_tasks
    left join parts
        on claim_tasks.tenant_id = parts.tenant_id
        and claim_tasks.task_id = parts.task_id
),

final as (
    select
        claim_tasks.tenant_id,
        claim_tasks.claim_id,
        string_agg(claim_tasks.task_type, ', ' order by claim_tasks.task_type) as task_types,
        string_agg(claim_tasks.detail, ' ' order by claim_tasks.task_type) as questions,
        string_agg(proposed.proposal, '; ' order by claim_tasks.task_type) as proposal
    from claim_tasks
    left join proposed
        on claim_tasks.tenant_id = proposed.tenant_id
        and claim_tasks.task_id = proposed.task_id
    group by claim_tasks.tenant_id, claim_tasks.claim_id
)

select * from final
