{% macro document_columns() -%}
    {#- What every entry model hands on: one row per account and side, sides without an amount left out. -#}
    posted.tenant_id,
    posted.document,
    posted.subject_id,
    posted.promotion_key,
    line.line_number,
    line.account_code,
    posted.currency,
    line.debit_amount::numeric(19, 4) as debit_amount,
    line.credit_amount::numeric(19, 4) as credit_amount
{%- endmacro %}

{% macro accrual_documents(events) -%}
    {#- A movement of the accrued liability that is not a settlement's: what is added is an expense, what is taken
        away lowers it again. -#}
with accrual_ledger as (
    select * from {{ source('finance', 'accrual_ledger') }}
),

posted_journals as (
    select * from {{ ref('posted_journals') }} where event in ('{{ events | join("', '") }}')
),

posted as (
    select
        posted_journals.tenant_id,
        posted_journals.document,
        posted_journals.subject_id,
        posted_journals.promotion_key,
        accrual_ledger.currency,
        posted_journals.expense_account_code,
        posted_journals.accrued_account_code,
        sum(accrual_ledger.amount) as amount
    from accrual_ledger
    inner join posted_journals
        on accrual_ledger.tenant_id = posted_journals.tenant_id
        and accrual_ledger.journal_id = posted_journals.journal_id
    group by
        posted_journals.tenant_id, posted_journals.document, posted_journals.subject_id,
        posted_journals.promotion_key, accrual_ledger.currency, posted_journals.expense_account_code,
        posted_journals.accrued_account_code
),

final as (
    select
        {{ document_columns() }}
    from posted
    cross join lateral (
        values
        (1, posted.expense_account_code, greatest(posted.amount, 0), greatest(-posted.amount, 0)),
        (2, posted.accrued_account_code, greatest(-posted.amount, 0), greatest(posted.amount, 0))
    ) as line (line_number, account_code, debit_amount, credit_amount)
    where line.debit_amount <> 0 or line.credit_amount <> 0
)

select * from final
{%- endmacro %}

{% macro settlement_documents(event) -%}
    {#- The settlements asked for by journals of one event, with what each took from the accrual (or gave back). -#}
settlements as (
    select * from {{ source('finance', 'settlements') }}
),

accrual_ledger as (
    select * from {{ source('finance', 'accrual_ledger') }} where movement = 'reversed'
),

posted_journals as (
    select * from {{ ref('posted_journals') }} where event = '{{ event }}'
),

accruals as (
    select tenant_id, journal_id, sum(amount) as amount
    from accrual_ledger
    group by tenant_id, journal_id
),

posted as (
    select
        posted_journals.*,
        settlements.currency,
        abs(settlements.amount_settled) as amount,
        abs(coalesce(accruals.amount, 0)) as accrued_amount
    from settlements
    inner join posted_journals
        on settlements.tenant_id = posted_journals.tenant_id
        and settlements.gl_posting_json ->> 'idempotency_key' = posted_journals.journal_id::text
    left join accruals
        on posted_journals.tenant_id = accruals.tenant_id
        and posted_journals.journal_id = accruals.journal_id
),
{%- endmacro %}

{% macro claim_documents(document, amount, debit, credit) -%}
    {#- What the claims of a family (a deduction and its repayments) say together, at the accounts in force when the
        deduction was decided. A negative amount turns the sides round. -#}
with claims as (
    select * from {{ source('finance', 'claims') }} where source_kind = 'deduction'
),

accounts_in_force as (
    select * from {{ ref('accounts_in_force') }}
),

families as (
    select claims.*, coalesce(originals.claim_id, claims.claim_id) as family_id
    from claims
    left join claims as originals
        on claims.tenant_id = originals.tenant_id
        and claims.reversal_of = originals.deduction_key
),

totals as (
    select
        tenant_id,
        family_id,
        currency,
        min(promotion_key) filter (where claim_id = family_id) as promotion_key,
        min(rule_version) filter (where claim_id = family_id) as rule_version,
        sum({{ amount }}) as amount
    from families
    group by tenant_id, family_id, currency
),

posted as (
    select
        totals.tenant_id,
        '{{ document }}' as document,
        totals.family_id as subject_id,
        totals.promotion_key,
        totals.currency,
        totals.amount,
        accounts_in_force.{{ debit }}_account_code as debit_account_code,
        accounts_in_force.{{ credit }}_account_code as credit_account_code
    from totals
    inner join accounts_in_force
        on totals.tenant_id = accounts_in_force.tenant_id
        and totals.rule_version = accounts_in_force.rule_version
    where totals.amount <> 0
),

final as (
    select
        {{ document_columns() }}
    from posted
    cross join lateral (
        values
        (1, posted.debit_account_code, greatest(posted.amount, 0), greatest(-posted.amount, 0)),
        (2, posted.credit_account_code, greatest(-posted.amount, 0), greatest(posted.amount, 0))
    ) as line (line_number, account_code, debit_amount, credit_amount)
)

select * from final
{%- endmacro %}
