{{ config(materialized="view") }}

{{ accrual_documents(['ACCRUAL']) }}
