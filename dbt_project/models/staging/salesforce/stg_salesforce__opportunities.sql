with opportunities as (
    select * from {{ source('salesforce', 'raw_salesforce__opportunity') }} where _superseded_at is null
),

users as (
    select * from {{ source('salesforce', 'raw_salesforce__user') }} where _superseded_at is null
),

accounts as (
    select * from {{ source('salesforce', 'raw_salesforce__account') }} where _superseded_at is null
),

final as (
    select
        opportunities.tenant_id,
        coalesce(opportunities.opportunity_key, opportunities.id) as opportunity_key,
        opportunities.name,
        opportunities.account_id as account_key,
        -- What the compensation side calls the owner: its own key where the org keeps it, else the employee number.
        coalesce(users.rep_key, users.employee_number, opportunities.owner_id) as owner_rep_key,
        opportunities.amount,
        opportunities.currency_iso_code as currency,
        coalesce(opportunities.stage_name, 'Unknown') as stage,
        opportunities.is_won,
        opportunities.is_closed,
        (opportunities.probability / 100)::numeric(18, 9) as probability,
        opportunities.created_date::date as created_date,
        opportunities.close_date,
        opportunities.type,
        coalesce(users.region, accounts.region) as region,
        accounts.name as customer_org,
        null::jsonb as oems,
        null::jsonb as partners,
        opportunities._run_id,
        opportunities._loaded_at
    from opportunities
    left join users
        on opportunities.tenant_id = users.tenant_id
        and opportunities.owner_id = users.id
    left join accounts
        on opportunities.tenant_id = accounts.tenant_id
        and opportunities.account_id = accounts.id
)

select * from final
