{{ config(materialized="view") }}

with receipts as (
    select * from {{ source('publish', 'receipts') }}
),

final as (
    select
        tenant_id,
        receipt_id,
        export,
        target,
        object,
        mode,
        dry_run,
        period,
        status,
        created,
        updated,
        unchanged,
        deleted,
        rejected,
        payload_sha256,
        remote_ids,
        started_at,
        ended_at,
        as_of as data_as_of,
        run_id
    from receipts
)

select * from final
