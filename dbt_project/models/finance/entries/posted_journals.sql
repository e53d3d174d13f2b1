{{ config(materialized="view") }}

with journals as (
    select * from {{ source('finance', 'journals') }} where status = 'Posted'
),

claims as (
    select * from {{ source('finance', 'claims') }}
),

promotion_accounts as (
    select * from {{ source('finance', 'promotion_accounts') }}
),

promotions as (
    select * from {{ ref('promotions') }}
),

accounts_in_force as (
    select * from {{ ref('accounts_in_force') }}
),

-- A repayment belongs to the deduction it pays back.
families as (
    select claims.tenant_id, claims.claim_id, coalesce(originals.claim_id, claims.claim_id) as family_id
    from claims
    left join claims as originals
        on claims.tenant_id = originals.tenant_id
        and claims.reversal_of = originals.deduction_key
),

-- Business rows say of a charge-back, its recovery and its write-off what is left, not each posting: these documents
-- stand per claim with its repayments. All others stand per journal.
final as (
    select
        journals.tenant_id,
        journals.journal_id,
        journals.event,
        journals.generation,
        journals.promotion_key,
        journals.claim_id,
        families.family_id,
        case
            when journals.event in ('DEBIT_MEMO', 'DEBIT_MEMO_REVERSAL', 'REPAYMENT') then 'DEBIT_MEMO'
            when journals.event in ('RECOVERY', 'RECOVERY_REVERSAL') then 'RECOVERY'
            when journals.event in ('WRITE_OFF', 'WRITE_OFF_REVERSAL') then 'WRITE_OFF'
            else journals.event
        end as document,
        case
            when journals.event = 'DEDUCTION_RECEIPT' then journals.claim_id
            when
                journals.event in (
                    'DEBIT_MEMO', 'DEBIT_MEMO_REVERSAL', 'REPAYMENT', 'RECOVERY', 'RECOVERY_REVERSAL', 'WRITE_OFF',
                    'WRITE_OFF_REVERSAL'
                )
                then families.family_id
            else journals.journal_id
        end as subject_id,
        coalesce(
            promotion_accounts.expense_account_code,
            promotions.gl_account_code,
            case
                when promotions.tactic_type in ('Slotting', 'Fixed Fee') then accounts_in_force.slotting_account_code
                else accounts_in_force.expense_account_code
            end
        ) as expense_account_code,
        coalesce(
            promotion_accounts.accrued_account_code,
            promotions.accrual_account_code,
            accounts_in_force.accrued_account_code
        ) as accrued_account_code,
        accounts_in_force.cash_account_code,
        accounts_in_force.receivable_account_code,
        accounts_in_force.clearing_account_code,
        accounts_in_force.payable_account_code,
        accounts_in_force.write_off_account_code
    from journals
    left join families
        on journals.tenant_id = families.tenant_id
        and journals.claim_id = families.claim_id
    left join accounts_in_force
        on journals.tenant_id = accounts_in_force.tenant_id
        and journals.rule_version = accounts_in_force.rule_version
    left join promotion_accounts
        on journals.tenant_id = promotion_accounts.tenant_id
        and journals.promotion_key = promotion_accounts.promotion_key
    left join promotions
        on journals.tenant_id = promotions.tenant_id
        and journals.promotion_key = promotions.promotion_key
)

select * from final
