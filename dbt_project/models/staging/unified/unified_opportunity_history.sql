-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        opportunity_key,
        changed_at,
        stage,
        amount,
        probability,
        close_date,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__opportunity_history') }}
),

salesforce as (
    select
        tenant_id,
        opportunity_key,
        changed_at,
        stage,
        amount,
        probability,
        close_date,
        _run_id,
        _loaded_at,
        'salesforce'::text as source_system
    from {{ ref('stg_salesforce__opportunity_history') }}
),

combined as (
    select *, 1 as priority from files
    union all
    select *, 2 as priority from salesforce
),

ranked as (
    select
        *,
        row_number() over (partition by tenant_id, opportunity_key, changed_at order by priority) as place
    from combined
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
        source_system,
        _run_id,
        _loaded_at
    from ranked
    where ranked.place = 1
)

select * from final
