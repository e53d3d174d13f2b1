{{ config(materialized="view") }}

{{ claim_documents('DEBIT_MEMO', 'amount_disputed + amount_recovered + amount_written_off', 'receivable', 'clearing') }}
