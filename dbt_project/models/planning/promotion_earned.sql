with promotions as (
    select * from {{ ref('promotions') }}
    where status in ('Approved', 'Live', 'Closed', 'Settled') and settlement_method in ('scan_back', 'bill_back')
),

promotion_progress as (
    select * from {{ ref('promotion_progress') }}
),

promotion_scan_gaps as (
    select * from {{ ref('promotion_scan_gaps') }}
),

customers as (
    select * from {{ ref('customers') }}
),

pos_facts as (
    select * from {{ source('intelligence', 'pos_facts') }}
),

shipment_facts as (
    select * from {{ ref('shipment_facts') }}
),

-- How far the data reaches: sell-out is awaited per retailer, our own invoices per company.
reached as (
    select pos_facts.tenant_id, 'scan_back' as settlement_method, customers.root_customer_key, max(pos_facts.sale_date) as through_date
    from pos_facts
    inner join customers using (tenant_id, customer_key)
    group by pos_facts.tenant_id, customers.root_customer_key
    union all
    select tenant_id, 'bill_back' as settlement_method, null as root_customer_key, max(invoice_date) as through_date
    from shipment_facts
    group by tenant_id
),

-- What performance is counted in: units scanned for a scan-back, units shipped for a bill-back.
totals as (
    select
        promotions.tenant_id,
        promotions.promotion_key,
        promotions.settlement_method,
        promotion_progress.root_customer_key,
        promotions.window_end,
        (promotions.window_end - promotions.window_start + 1) / 7 as whole_weeks,
        sum(promotion_progress.amount) as earned_amount,
        bool_and(promotion_progress.is_rated) as is_rated,
        count(distinct promotion_progress.week_number)
            filter (where promotion_progress.week_number < (promotions.window_end - promotions.window_start + 1) / 7) as weeks_present
    from promotions
    inner join promotion_progress
        on promotions.tenant_id = promotion_progress.tenant_id
        and promotions.promotion_key = promotion_progress.promotion_key
        and promotion_progress.source = case promotions.settlement_method when 'scan_back' then 'scanned' else 'shipped' end
    group by
        promotions.tenant_id, promotions.promotion_key, promotions.settlement_method, promotion_progress.root_customer_key,
        promotions.window_start, promotions.window_end
),

-- Only what may be relied on: the window is over in the data, no week of sell-out is missing or half in the window,
-- every unit has a rate, and the product can be meant. Everything else is absent, and the plan stays the authority (C9).
final as (
    select
        totals.tenant_id,
        totals.promotion_key,
        {{ to_cents('totals.earned_amount') }}::numeric(19, 4) as earned_amount,
        true as is_complete
    from totals
    inner join reached
        on totals.tenant_id = reached.tenant_id
        and totals.settlement_method = reached.settlement_method
        and (reached.root_customer_key is null or totals.root_customer_key = reached.root_customer_key)
    left join promotion_scan_gaps
        on totals.tenant_id = promotion_scan_gaps.tenant_id
        and totals.promotion_key = promotion_scan_gaps.promotion_key
    where
        totals.is_rated
        and promotion_scan_gaps.promotion_key is null
        and abs(totals.earned_amount) < 1e14
        and reached.through_date >= totals.window_end
        and (totals.settlement_method = 'bill_back' or totals.weeks_present >= totals.whole_weeks)
)

select * from final
