{{ config(materialized="view") }}

{{ accrual_documents(['ACCRUAL_ADJUSTMENT', 'ACCRUAL_REFUSED']) }}
