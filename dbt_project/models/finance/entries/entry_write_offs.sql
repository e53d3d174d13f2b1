{{ config(materialized="view") }}

{{ claim_documents('WRITE_OFF', 'amount_written_off', 'write_off', 'receivable') }}
