with gl_journal_lines as (
    select * from {{ ref('unified_gl_journal_lines') }}
),

journals as (
    select * from {{ source('finance', 'journals') }}
),

claims as (
    select * from {{ source('finance', 'claims') }}
),

settlements as (
    select * from {{ source('finance', 'settlements') }}
),

tenants as (
    select * from {{ ref('stg_tenancy__tenants') }}
),

fiscal_periods as (
    select * from {{ ref('fiscal_periods') }}
),

posting_dates as (
    select tenant_id, posting_date from gl_journal_lines
    union
    select tenant_id, posting_date from journals
    union
    select tenant_id, posting_date from claims
    union
    select tenant_id, settled_as_of from settlements
),

-- The tenant's calendar by its name in the settings; a company that delivers one calendar means that one.
calendars as (
    select
        fiscal_periods.tenant_id,
        coalesce(
            max(fiscal_periods.calendar) filter (where fiscal_periods.calendar = tenants.fiscal_calendar),
            case when count(distinct fiscal_periods.calendar) = 1 then min(fiscal_periods.calendar) end
        ) as calendar
    from fiscal_periods
    inner join tenants on fiscal_periods.tenant_id = tenants.tenant_id
    group by fiscal_periods.tenant_id
),

-- Dates no period covers fall on calendar months of the tenant's fiscal year, named by the year it ends in.
final as (
    select
        posting_dates.tenant_id,
        posting_dates.posting_date,
        coalesce(
            fiscal_periods.fiscal_year,
            extract(year from posting_dates.posting_date)::integer + case
                when
                    tenants.fiscal_year_start_month > 1
                    and extract(month from posting_dates.posting_date) >= tenants.fiscal_year_start_month
                    then 1
                else 0
            end
        ) as fiscal_year,
        coalesce(
            fiscal_periods.period,
            (extract(month from posting_dates.posting_date)::integer - tenants.fiscal_year_start_month + 12) % 12 + 1
        ) as fiscal_period,
        coalesce(
            fiscal_periods.end_date,
            (date_trunc('month', posting_dates.posting_date::timestamp) + interval '1 month - 1 day')::date
        ) as period_end_date,
        fiscal_periods.period is not null as is_in_calendar
    from posting_dates
    inner join tenants on posting_dates.tenant_id = tenants.tenant_id
    left join calendars on posting_dates.tenant_id = calendars.tenant_id
    left join fiscal_periods
        on calendars.tenant_id = fiscal_periods.tenant_id
        and calendars.calendar = fiscal_periods.calendar
        and posting_dates.posting_date between fiscal_periods.start_date and fiscal_periods.end_date
)

select * from final
