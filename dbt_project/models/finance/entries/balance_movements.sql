-- Not materialized where a table is read twice: the planner then knows its size and its indexes.
with gl_balances as not materialized (
    select *, fiscal_year::bigint * 1000 + fiscal_period as period_number from {{ ref('gl_balances') }}
),

moved as (
    select
        tenant_id, company_code, account_code, currency, scenario, fiscal_year, fiscal_period, period_number,
        department, amount
    from gl_balances
    where balance_kind = 'movement'
),

stood as (
    select
        tenant_id, company_code, account_code, currency, scenario, fiscal_year, fiscal_period, period_number,
        sum(amount) as amount
    from gl_balances
    where balance_kind = 'closing'
    group by
        tenant_id, company_code, account_code, currency, scenario, fiscal_year, fiscal_period, period_number
),

closing_accounts as (
    select distinct tenant_id, company_code, account_code, currency, scenario from stood
),

closing_periods as (
    select distinct tenant_id, company_code, currency, scenario, fiscal_year, fiscal_period, period_number from stood
),

-- A period that states closing balances states them all: what it does not name stands at zero.
positions as (
    select
        closing_accounts.*, closing_periods.fiscal_year, closing_periods.fiscal_period, closing_periods.period_number,
        coalesce(stood.amount, 0) as amount
    from closing_accounts
    inner join closing_periods
        on closing_accounts.tenant_id = closing_periods.tenant_id
        and closing_accounts.company_code = closing_periods.company_code
        and closing_accounts.currency = closing_periods.currency
        and closing_accounts.scenario = closing_periods.scenario
    left join stood
        on closing_accounts.tenant_id = stood.tenant_id
        and closing_accounts.company_code = stood.company_code
        and closing_accounts.account_code = stood.account_code
        and closing_accounts.currency = stood.currency
        and closing_accounts.scenario = stood.scenario
        and closing_periods.period_number = stood.period_number
),

stepped as (
    select
        *,
        coalesce(lag(amount) over account_line, 0) as previous_amount,
        coalesce(lag(period_number) over account_line, 0) as previous_period
    from positions
    window account_line as (
        partition by tenant_id, company_code, account_code, currency, scenario order by period_number
    )
),

-- Movements reported since the last closing balance are part of the way to this one.
explained as (
    select
        stepped.tenant_id, stepped.company_code, stepped.account_code, stepped.currency, stepped.scenario,
        stepped.period_number, sum(moved.amount) as amount
    from stepped
    inner join moved
        on stepped.tenant_id = moved.tenant_id
        and stepped.company_code = moved.company_code
        and stepped.account_code = moved.account_code
        and stepped.currency = moved.currency
        and stepped.scenario = moved.scenario
        and moved.period_number > stepped.previous_period
        and moved.period_number <= stepped.period_number
    group by
        stepped.tenant_id, stepped.company_code, stepped.account_code, stepped.currency, stepped.scenario,
        stepped.period_number
),

steps as (
    select
        stepped.tenant_id,
        stepped.company_code,
        stepped.account_code,
        stepped.fiscal_year,
        stepped.fiscal_period,
        stepped.currency,
        stepped.scenario,
        null as department,
        stepped.amount - stepped.previous_amount - coalesce(explained.amount, 0) as amount
    from stepped
    left join explained
        on stepped.tenant_id = explained.tenant_id
        and stepped.company_code = explained.company_code
        and stepped.account_code = explained.account_code
        and stepped.currency = explained.currency
        and stepped.scenario = explained.scenario
        and stepped.period_number = explained.period_number
    where stepped.amount <> stepped.previous_amount + coalesce(explained.amount, 0)
),

all_movements as (
    select tenant_id, company_code, account_code, fiscal_year, fiscal_period, currency, scenario, department, amount
    from moved
    union all
    select * from steps
),

final as (
    select
        tenant_id, company_code, account_code, fiscal_year, fiscal_period, currency, scenario, department,
        sum(amount)::numeric(19, 4) as amount
    from all_movements
    group by tenant_id, company_code, account_code, fiscal_year, fiscal_period, currency, scenario, department
)

select * from final
