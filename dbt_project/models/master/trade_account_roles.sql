with tenants as (
    select * from {{ ref('stg_tenancy__tenants') }}
),

trade_accounts as (
    {{ per_tenant('trade_accounts', ['role', 'account_code', 'name', 'account_type', 'is_current', 'statement_line', 'is_trade_spend']) }}
),

final as (
    select
        trade_accounts.tenant_id,
        trade_accounts.role,
        coalesce(tenants.trade_accounts ->> trade_accounts.role, trade_accounts.account_code) as account_code,
        trade_accounts.name,
        trade_accounts.account_type,
        trade_accounts.is_current,
        trade_accounts.statement_line,
        trade_accounts.is_trade_spend
    from trade_accounts
    inner join tenants on trade_accounts.tenant_id = tenants.tenant_id
)

select * from final
