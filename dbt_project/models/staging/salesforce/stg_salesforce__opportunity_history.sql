with history as (
    select * from {{ source('salesforce', 'raw_salesforce__opportunityhistory') }} where _superseded_at is null
),

opportunities as (
    select * from {{ source('salesforce', 'raw_salesforce__opportunity') }} where _superseded_at is null
),

keyed as (
    select
        history.tenant_id,
        coalesce(opportunities.opportunity_key, opportunities.id) as opportunity_key,
        history.created_date as changed_at,
        coalesce(history.stage_name, 'Unknown') as stage,
        history.amount,
        (history.probability / 100)::numeric(18, 9) as probability,
        history.close_date,
        history._run_id,
        history._loaded_at,
        -- Changes of one second share a time; the record made last is what the deal said after it.
        row_number() over (
            partition by history.tenant_id, coalesce(opportunities.opportunity_key, opportunities.id), history.created_date
            order by history.id desc
        ) as place
    from history
    inner join opportunities
        on history.tenant_id = opportunities.tenant_id
        and history.opportunity_id = opportunities.id
    where history.created_date is not null
),

final as (
    select
        tenant_id,
        opportunity_key,
        changed_at,
        stage,
        amount,
        probability,
        close_date,
        _run_id,
        _loaded_at
    from keyed
    where place = 1
)

select * from final
