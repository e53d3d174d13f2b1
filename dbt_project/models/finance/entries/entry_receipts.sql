{{ config(materialized="view") }}

with claims as (
    select * from {{ source('finance', 'claims') }} where source_kind = 'deduction' and amount <> 0
),

accounts_in_force as (
    select * from {{ ref('accounts_in_force') }}
),

posted as (
    select
        claims.tenant_id,
        'DEDUCTION_RECEIPT' as document,
        claims.claim_id as subject_id,
        null::text as promotion_key,
        claims.currency,
        claims.amount,
        accounts_in_force.clearing_account_code,
        accounts_in_force.receivable_account_code
    from claims
    inner join accounts_in_force
        on claims.tenant_id = accounts_in_force.tenant_id
        and claims.rule_version = accounts_in_force.rule_version
),

final as (
    select
        {{ document_columns() }}
    from posted
    cross join lateral (
        values
        (1, posted.clearing_account_code, greatest(posted.amount, 0), greatest(-posted.amount, 0)),
        (2, posted.receivable_account_code, greatest(-posted.amount, 0), greatest(posted.amount, 0))
    ) as line (line_number, account_code, debit_amount, credit_amount)
)

select * from final
