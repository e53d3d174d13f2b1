with accounts as (
    select * from {{ source('salesforce', 'raw_salesforce__account') }} where _superseded_at is null
),

final as (
    select
        tenant_id,
        id as account_key,
        coalesce(name, id) as name,
        industry,
        annual_revenue,
        number_of_employees as employees,
        billing_country as country,
        type as account_type,
        created_date as created_at,
        coalesce(last_modified_date, system_modstamp) as updated_at,
        _run_id,
        _loaded_at
    from accounts
)

select * from final
