with tenants as (
    select * from {{ source('tenancy', 'tenants') }}
),

final as (
    select
        tenant_id,
        name,
        is_active,
        coalesce(settings ->> 'currency', 'USD') as currency,
        coalesce(settings ->> 'fiscal_calendar', 'standard') as fiscal_calendar,
        coalesce((settings ->> 'fiscal_year_start_month')::integer, 1) as fiscal_year_start_month,
        coalesce(settings ->> 'ledger_mode', 'erp') as ledger_mode,
        coalesce(settings ->> 'trade_presentation', 'expense') as trade_presentation,
        coalesce(settings #> '{reconcile,accounts}', '{}') as trade_accounts,
        coalesce(settings -> 'company_names', '{}') as company_names,
        coalesce((settings #>> '{compensation,payment_lag_days}')::integer, 30) as payment_lag_days,
        coalesce(settings #> '{compensation,capitalise_months}', '{"New Business": 36}') as capitalise_months,
        coalesce((settings #>> '{compensation,expedient_months}')::integer, 12) as expedient_months
    from tenants
    where tenant_id <> 'system'
)

select * from final
