-- generated from include/extract by `python -m include.extract.generate`
with files as (
    select
        tenant_id,
        invoice_key,
        line_number,
        invoice_date,
        customer_key,
        product_key,
        units_shipped,
        unit_of_measure,
        gross_amount,
        off_invoice_amount,
        net_amount,
        currency,
        _run_id,
        _loaded_at,
        'files'::text as source_system
    from {{ ref('stg_files__invoices') }}
),

final as (
    select
        tenant_id,
        invoice_key,
        line_number,
        invoice_date,
        customer_key,
        product_key,
        units_shipped,
        unit_of_measure,
        gross_amount,
        off_invoice_amount,
        net_amount,
        currency,
        source_system,
        _run_id,
        _loaded_at
    from files
)

select * from final
