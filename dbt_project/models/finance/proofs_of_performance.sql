with proofs_of_performance as (
    select * from {{ ref('unified_proofs_of_performance') }}
),

final as (
    select
        tenant_id,
        proof_key,
        promotion_key,
        document_url,
        received_date
    from proofs_of_performance
)

select * from final
