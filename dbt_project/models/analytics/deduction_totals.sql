{{ config(materialized="view") }}

with claims as (
    select * from {{ source('finance', 'claims') }} where source_kind = 'deduction' and amount > 0
),

deductions as (
    select * from {{ ref('deductions') }}
),

remittance_tie_out as (
    select * from {{ ref('remittance_tie_out') }}
),

customers as (
    select * from {{ ref('customers') }}
),

latest_reconciliation as (
    select * from {{ ref('latest_reconciliation') }}
),

-- One list of what is measured: decided deductions, deductions whose code nobody mapped, remittances.
events as (
    select
        tenant_id, customer_key, currency, posting_date as event_date, amount, amount_open, amount_disputed,
        amount_recovered, amount_written_off, amount_settled, amount_non_trade, auto_cleared, dispute_status, null as unmapped_code, null::boolean as is_tied,
        null::numeric as differential_amount
    from claims
    union all
    select
        tenant_id, customer_key, currency, posting_date, null, null, null, null, null, null, null, null, null,
        {{ reason_code('reason_code_erp') }}, null, null
    from deductions
    where reason_code_erp is not null and reason_code_normalized is null
    union all
    select
        tenant_id, customer_key, currency, received_date, null, null, null, null, null, null, null, null, null, null, is_tied,
        differential_amount
    from remittance_tie_out
),

-- Every event counts in the total, in its month and with its customer's root.
scoped as (
    select
        events.*,
        scopes.scope,
        scopes.scope_key,
        coalesce(customers.root_customer_key, events.customer_key) as root_customer_key,
        latest_reconciliation.as_of,
        case scopes.scope
            when 'month' then date_trunc('month', events.event_date::timestamp)::date
            else greatest(
                latest_reconciliation.as_of - 364,
                min(events.event_date) filter (where events.amount is not null) over (
                    partition by events.tenant_id, events.currency, scopes.scope, scopes.scope_key
                )
            )
        end as first_date
    from events
    inner join latest_reconciliation on events.tenant_id = latest_reconciliation.tenant_id
    left join customers
        on events.tenant_id = customers.tenant_id
        and events.customer_key = customers.customer_key
    cross join lateral (
        values
        ('total', 'total'),
        ('month', to_char(events.event_date, 'YYYY-MM')),
        ('customer', coalesce(customers.root_customer_key, events.customer_key))
    ) as scopes (scope, scope_key)
    where events.event_date <= latest_reconciliation.as_of
),

final as (
    select
        tenant_id,
        currency,
        scope,
        scope_key,
        as_of,
        count(amount)::integer as deduction_count,
        coalesce(sum(amount), 0)::numeric(19, 4) as deducted_amount,
        coalesce(sum(amount_open), 0)::numeric(19, 4) as open_amount,
        coalesce(sum(amount_settled), 0)::numeric(19, 4) as settled_amount,
        coalesce(sum(amount_non_trade), 0)::numeric(19, 4) as non_trade_amount,
        coalesce(sum(amount_disputed), 0)::numeric(19, 4) as disputed_amount,
        coalesce(sum(amount_recovered) filter (where dispute_status is not null), 0)::numeric(19, 4) as recovered_amount,
        coalesce(sum(amount_recovered) filter (where dispute_status is null), 0)::numeric(19, 4) as repaid_amount,
        coalesce(sum(amount_written_off), 0)::numeric(19, 4) as written_off_amount,
        coalesce(sum(amount_written_off) filter (where dispute_status is null), 0)::numeric(19, 4) as undisputed_amount,
        (count(*) filter (where auto_cleared))::integer as auto_cleared_count,
        coalesce(sum(amount) filter (where event_date >= first_date), 0)::numeric(19, 4) as recent_amount,
        case scope
            when 'month' then least((min(first_date) + interval '1 month - 1 day')::date, as_of)
            else as_of
        end - min(first_date) + 1 as measured_days,
        coalesce(sum(amount_open) filter (where as_of - event_date <= 30), 0)::numeric(19, 4) as open_0_30_amount,
        coalesce(sum(amount_open) filter (where as_of - event_date between 31 and 60), 0)::numeric(19, 4) as open_31_60_amount,
        coalesce(sum(amount_open) filter (where as_of - event_date between 61 and 90), 0)::numeric(19, 4) as open_61_90_amount,
        coalesce(sum(amount_open) filter (where as_of - event_date > 90), 0)::numeric(19, 4) as open_over_90_amount,
        (count(distinct row(root_customer_key, unmapped_code)) filter (where unmapped_code is not null))::integer
            as unmapped_reason_code_count,
        count(is_tied)::integer as remittance_count,
        (count(*) filter (where not is_tied))::integer as untied_remittance_count,
        coalesce(sum(abs(differential_amount)), 0)::numeric(19, 4) as differential_amount
    from scoped
    group by tenant_id, currency, scope, scope_key, as_of
)

select * from final
