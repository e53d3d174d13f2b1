-- generated from include/extract by `python -m include.extract.generate`
with landed as (
    select * from {{ source('landing', 'raw_files__proofs_of_performance') }}
),

final as (
    select
        tenant_id,
        proof_key,
        promotion_key,
        document_url,
        received_date,
        _run_id,
        _loaded_at
    from landed
    where _superseded_at is null
)

select * from final
