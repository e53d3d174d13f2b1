-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        opportunity_key,
        name,
        account_key,
        owner_rep_key,
        amount,
        currency,
        stage,
        is_won,
        is_closed,
        probability,
        created_date,
        close_date,
        type,
        region,
        customer_org,
        oems,
        partners,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__opportunities') }}
),

salesforce as (
    select
        tenant_id,
        opportunity_key,
        name,
        account_key,
        owner_rep_key,
        amount,
        currency,
        stage,
        is_won,
        is_closed,
        probability,
        created_date,
        close_date,
        type,
        region,
        customer_org,
        oems,
        partners,
        _run_id,
        _loaded_at,
        'salesforce'::text as source_system
    from {{ ref('stg_salesforce__opportunities') }}
),

combined as (
    select *, 1 as priority from files
    union all
    select *, 2 as priority from salesforce
),

ranked as (
    select
        *,
        row_number() over (partition by tenant_id, opportunity_key order by priority) as place
    from combined
),

tenants as (
    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}
),

final as (
    select
        ranked.tenant_id,
        ranked.opportunity_key,
        ranked.name,
        ranked.account_key,
        ranked.owner_rep_key,
        ranked.amount,
        coalesce(ranked.currency, tenants.currency) as currency,
        ranked.stage,
        ranked.is_won,
        ranked.is_closed,
        ranked.probability,
        ranked.created_date,
        ranked.close_date,
        ranked.type,
        ranked.region,
        ranked.customer_org,
        ranked.oems,
        ranked.partners,
        ranked.source_system,
        ranked._run_id,
        ranked._loaded_at
    from ranked
    inner join tenants on ranked.tenant_id = tenants.tenant_id
    where ranked.place = 1
)

select * from final
