{{ config(materialized="view") }}

with reconciliation_runs as (
    select * from {{ source('finance', 'reconciliation_runs') }}
),

final as (
    select distinct on (tenant_id, rule_version)
        tenant_id,
        rule_version,
        rules #>> '{accounts,cash}' as cash_account_code,
        rules #>> '{accounts,receivable}' as receivable_account_code,
        rules #>> '{accounts,clearing}' as clearing_account_code,
        rules #>> '{accounts,payable}' as payable_account_code,
        rules #>> '{accounts,accrued}' as accrued_account_code,
        rules #>> '{accounts,expense}' as expense_account_code,
        rules #>> '{accounts,slotting}' as slotting_account_code,
        rules #>> '{accounts,write_off}' as write_off_account_code
    from reconciliation_runs
    order by tenant_id, rule_version, as_of, run_id
)

select * from final
