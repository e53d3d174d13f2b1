with gl_accounts as (
    select * from {{ ref('unified_gl_accounts') }}
),

tenants as (
    select * from {{ ref('stg_tenancy__tenants') }}
),

-- Two roles may share an account.
trade_accounts as (
    select distinct on (tenant_id, account_code) * from {{ ref('trade_account_roles') }}
    order by tenant_id, account_code, role
),

account_map as (
    {{ per_tenant('account_map', ['account_from', 'account_to', 'category', 'line', 'is_current']) }}
),

-- The tenant's own chart, and beside it the accounts that trade settlement posts to and the chart lacks.
accounts as (
    select
        gl_accounts.tenant_id,
        gl_accounts.account_code,
        gl_accounts.name,
        gl_accounts.account_type,
        gl_accounts.parent_account_code,
        gl_accounts.is_current,
        gl_accounts.statement_line,
        coalesce(trade_accounts.is_trade_spend, false) as is_trade_spend,
        false as is_default
    from gl_accounts
    left join trade_accounts
        on gl_accounts.tenant_id = trade_accounts.tenant_id
        and gl_accounts.account_code = trade_accounts.account_code
        and gl_accounts.account_type = trade_accounts.account_type
    union all
    select
        trade_accounts.tenant_id,
        trade_accounts.account_code,
        trade_accounts.name,
        trade_accounts.account_type,
        null as parent_account_code,
        trade_accounts.is_current,
        trade_accounts.statement_line,
        trade_accounts.is_trade_spend,
        true as is_default
    from trade_accounts
    left join gl_accounts
        on trade_accounts.tenant_id = gl_accounts.tenant_id
        and trade_accounts.account_code = gl_accounts.account_code
    where gl_accounts.account_code is null
),

-- Trade spend may be shown as less revenue instead of expense (C37); net income is the same.
presented as (
    select
        accounts.*,
        case
            when accounts.is_trade_spend and accounts.account_type = 'expense' and tenants.trade_presentation = 'contra_revenue'
                then 'contra_revenue'
            else accounts.account_type
        end as presented_type
    from accounts
    inner join tenants on accounts.tenant_id = tenants.tenant_id
),

categorised as (
    select
        *,
        case presented_type
            when 'asset' then 'assets'
            when 'liability' then 'liabilities'
            when 'equity' then 'equity'
            when 'revenue' then 'revenue'
            when 'contra_revenue' then 'revenue'
            when 'expense' then 'expenses'
            when 'other_income' then 'other_income'
            when 'statistical' then 'statistical'
        end as category
    from presented
),

final as (
    select
        categorised.tenant_id,
        categorised.account_code,
        categorised.name,
        categorised.account_type,
        case
            when categorised.category in ('assets', 'liabilities', 'equity') then 'balance_sheet'
            when categorised.category = 'statistical' then 'none'
            else 'income_statement'
        end as statement,
        categorised.category,
        coalesce(categorised.statement_line, account_map.line, initcap(replace(categorised.category, '_', ' '))) as statement_line,
        coalesce(categorised.is_current, account_map.is_current) as is_current,
        case when categorised.account_type in ('asset', 'expense', 'contra_revenue', 'statistical') then 'debit' else 'credit' end as normal_side,
        case when categorised.category in ('assets', 'expenses', 'statistical') then 1 else -1 end as presentation_sign,
        categorised.presented_type = 'contra_revenue' as is_contra,
        categorised.parent_account_code,
        categorised.is_trade_spend,
        categorised.is_default
    from categorised
    left join account_map
        on categorised.tenant_id = account_map.tenant_id
        and categorised.category = account_map.category
        and case when categorised.account_code ~ '^\d{1,9}$' then categorised.account_code::integer end
        between account_map.account_from and account_map.account_to
)

select * from final
