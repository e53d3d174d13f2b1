-- accrued = reversed + released + open per promotion and currency, every part >= 0.
with parts as (
    select
        tenant_id,
        promotion_key,
        currency,
        coalesce(sum(amount) filter (where movement = 'accrued'), 0) as accrued,
        coalesce(-sum(amount) filter (where movement = 'reversed'), 0) as reversed,
        coalesce(-sum(amount) filter (where movement = 'released'), 0) as released,
        sum(amount) as open
    from {{ source('finance', 'accrual_ledger') }}
    group by tenant_id, promotion_key, currency
)

select * from parts where accrued < 0 or reversed < 0 or released < 0 or open < 0
