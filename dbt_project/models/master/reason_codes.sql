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
        row_number() over (
            partition by tenant_id, customer_key, {{ reason_code('reason_code_erp') }}
            order by reason_code_erp
        ) as spelling
    from reason_codes
),

final as (
    select tenant_id, customer_key, reason_code, reason_code_erp, reason_code_normalized
    from compared
    where spelling = 1 and reason_code is not null
)

select * from final
