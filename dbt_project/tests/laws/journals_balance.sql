-- A journal of ours sums to zero in every currency and has at least two lines.
select tenant_id, journal_id, currency, sum(debit_amount) as debit, sum(credit_amount) as credit, count(*) as line_count
from {{ source('finance', 'journal_lines') }}
group by tenant_id, journal_id, currency
having sum(debit_amount) <> sum(credit_amount) or count(*) < 2
