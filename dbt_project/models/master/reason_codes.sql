with reason_codes as (
    select * from {{ ref('unified_reason_codes') }}
),

compared as (
    select
        tenant_id,
        customer_key,
        {{ reason_code('reason_code_erp') }} as reason_code,
        reason_code_erp,
        reason_code_normalized,
        -- '05' and '005' of one customer are one code; the spelling that sorts first is kept.
        row_number() over same_code as spelling,
        min(reason_code_normalized) over same_code_at_all <> max(reason_code_normalized) over same_code_at_all
            as is_contradictory
    from reason_codes
    window
        same_code_at_all as (partition by tenant_id, customer_key, {{ reason_code('reason_code_erp') }}),
        same_code as (same_code_at_all order by reason_code_erp)
),

final as (
    select
        tenant_id,
        customer_key,
        reason_code,
        reason_code_erp,
        -- Two spellings that mean different things mean nothing: money is not decided by which sorts first. The
        -- row stays, so that what the code means for everybody does not step in for what its customer contradicts.
        case when not is_contradictory then reason_code_normalized end as reason_code_normalized,
        is_contradictory
    from compared
    where spelling = 1 and reason_code is not null
)

select * from final
