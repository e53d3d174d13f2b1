with remittances as (
    select * from {{ ref('remittances') }}
),

deductions as (
    select * from {{ ref('deductions') }}
),

final as (
    select
        remittances.tenant_id,
        remittances.remittance_key,
        remittances.customer_key,
        remittances.received_date,
        remittances.currency,
        remittances.total_deductions,
        coalesce(
            sum(deductions.amount) filter (where deductions.currency = remittances.currency), 0
        )::numeric(19, 4) as deducted_amount,
        count(deductions.deduction_key)::integer as deduction_count,
        (count(*) filter (where deductions.currency <> remittances.currency))::integer as other_currency_count,
        (
            remittances.total_deductions
            - coalesce(sum(deductions.amount) filter (where deductions.currency = remittances.currency), 0)
        )::numeric(19, 4) as differential_amount,
        coalesce(
            remittances.total_deductions
            = coalesce(sum(deductions.amount) filter (where deductions.currency = remittances.currency), 0),
            false
        ) as is_tied
    from remittances
    left join deductions
        on remittances.tenant_id = deductions.tenant_id
        and remittances.remittance_key = deductions.remittance_key
    group by
        remittances.tenant_id,
        remittances.remittance_key,
        remittances.customer_key,
        remittances.received_date,
        remittances.currency,
        remittances.total_deductions
)

select * from final
