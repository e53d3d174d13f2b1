-- What a decision says it posted is there, and only applied decisions have posted anything.
with answers as (
    select * from {{ source('finance', 'claim_decisions') }}
),

named as (
    select
        answers.tenant_id,
        answers.decision_key,
        answers.status,
        posted.journal_id
    from answers
    cross join lateral unnest(answers.journal_ids) as posted (journal_id)
),

journals as (
    select * from {{ source('finance', 'journals') }}
)

select named.*
from named
left join journals
    on named.tenant_id = journals.tenant_id
    and named.journal_id = journals.journal_id
where journals.journal_id is null or named.status <> 'applied'
