{{ config(materialized="view") }}

{{ accrual_documents(['RELEASE', 'RELEASE_REVERSAL']) }}
