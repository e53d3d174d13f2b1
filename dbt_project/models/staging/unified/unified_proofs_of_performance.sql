-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        proof_key,
        promotion_key,
        document_url,
        received_date,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__proofs_of_performance') }}
),

final as (
    select
        tenant_id,
        proof_key,
        promotion_key,
        document_url,
        received_date,
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
