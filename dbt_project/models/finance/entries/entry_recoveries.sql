{{ config(materialized="view") }}

{{ claim_documents('RECOVERY', 'amount_recovered', 'cash', 'receivable') }}
