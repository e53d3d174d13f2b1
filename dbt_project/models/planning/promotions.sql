with promotions as (
    select * from {{ ref('unified_promotions') }}
),

status_history as (
    select * from {{ ref('unified_promotion_status_history') }}
),

tactic_types as (
    {{ per_tenant('tactic_types', ['tactic_type', 'window_basis', 'settlement_method', 'accrual_method', 'expense_account_code', 'accrual_account_code']) }}
),

promotion_states as (
    {{ per_tenant('promotion_states', ['status', 'lifecycle_status']) }}
),

latest_lifecycle as (
    select distinct on (tenant_id, promotion_key) tenant_id, promotion_key, lifecycle_status
    from status_history
    where lifecycle_status is not null
    order by tenant_id, promotion_key, changed_at desc
),

windowed as (
    select
        promotions.*,
        tactic_types.settlement_method as usual_settlement_method,
        tactic_types.accrual_method as usual_accrual_method,
        tactic_types.expense_account_code,
        tactic_types.accrual_account_code,
        -- Resolution C36: the window that counts for matching, by tactic. A date that is missing is filled from the
        -- other pair, because a window nobody stated cannot match anything.
        case tactic_types.window_basis
            when 'scan' then coalesce(promotions.scan_start, promotions.sellin_start)
            when 'contract' then least(promotions.sellin_start, promotions.scan_start)
            else coalesce(promotions.sellin_start, promotions.scan_start)
        end as window_start,
        case tactic_types.window_basis
            when 'scan' then coalesce(promotions.scan_end, promotions.sellin_end)
            when 'contract' then greatest(promotions.sellin_end, promotions.scan_end)
            else coalesce(promotions.sellin_end, promotions.scan_end)
        end as window_end,
        promotions.approved_date is null
        and promotions.status in ('Approved', 'Live', 'Closed', 'Settled') as is_approved_date_derived
    from promotions
    left join tactic_types
        on promotions.tenant_id = tactic_types.tenant_id
        and promotions.tactic_type = tactic_types.tactic_type
),

final as (
    select
        windowed.tenant_id,
        windowed.promotion_key,
        coalesce(
            windowed.promotion_id,
            {{ name_based_uuid('26a6fba0-d30f-5f15-9044-1afe73d53cd0', "windowed.tenant_id || '|promotion|' || windowed.promotion_key") }}
        ) as promotion_id,
        windowed.name,
        windowed.customer_key,
        windowed.fund_key,
        windowed.status,
        coalesce(
            promotion_states.lifecycle_status,
            case windowed.status
                when 'Settled' then 'Settled'
                when 'Approved' then 'Approved'
                when 'Live' then 'Approved'
                when 'Closed' then 'Approved'
                else 'Draft'
            end
        ) as lifecycle_status,
        windowed.tactic_type,
        coalesce(windowed.settlement_method, windowed.usual_settlement_method) as settlement_method,
        windowed.window_start,
        -- Start and end may come from different pairs; an end before the start is no end.
        case when windowed.window_end >= windowed.window_start then windowed.window_end end as window_end,
        windowed.sellin_start,
        windowed.sellin_end,
        windowed.scan_start,
        windowed.scan_end,
        windowed.forecast_uplift_pct,
        windowed.total_planned_spend as planned_amount,
        case
            when windowed.is_approved_date_derived then coalesce(windowed.sellin_start, windowed.window_start)
            else windowed.approved_date
        end as approved_date,
        windowed.is_approved_date_derived,
        windowed.closed_date,
        coalesce(windowed.accrual_method, windowed.usual_accrual_method) as accrual_method,
        windowed.funding_rate,
        coalesce(windowed.gl_account_code, windowed.expense_account_code) as gl_account_code,
        windowed.accrual_account_code,
        windowed.currency,
        'Off-Invoice' = windowed.tactic_type
        or 'off_invoice' = coalesce(windowed.settlement_method, windowed.usual_settlement_method) as is_off_invoice
    from windowed
    left join latest_lifecycle
        on windowed.tenant_id = latest_lifecycle.tenant_id
        and windowed.promotion_key = latest_lifecycle.promotion_key
    left join promotion_states
        on windowed.tenant_id = promotion_states.tenant_id
        and windowed.status = promotion_states.status
        and latest_lifecycle.lifecycle_status = promotion_states.lifecycle_status
)

select * from final
