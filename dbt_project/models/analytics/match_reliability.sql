{{ config(materialized="view") }}

with backtests as (
    select * from {{ source('finance', 'backtests') }}
),

backtest_bands as (
    select * from {{ source('finance', 'backtest_bands') }}
),

final as (
    select
        backtests.tenant_id,
        backtests.backtest_id,
        backtests.from_date,
        backtests.to_date,
        backtests.rule_version,
        backtest_bands.score_from,
        backtest_bands.score_to,
        backtest_bands.currency,
        backtest_bands.claims as claim_count,
        backtest_bands.confirmed as confirmed_count,
        backtest_bands.claims - backtest_bands.confirmed as wrong_count,
        backtest_bands.by_person as by_person_count,
        backtest_bands.amount,
        (backtest_bands.confirmed::numeric / backtest_bands.claims)::numeric(7, 6) as confirmed_rate,
        backtest_bands.rate_low as confirmed_rate_low,
        backtest_bands.rate_high as confirmed_rate_high,
        backtests.precision_rate as auto_clear_precision_rate,
        backtests.recall_rate as auto_clear_recall_rate,
        backtests.run_id
    from backtests
    inner join backtest_bands
        on backtests.tenant_id = backtest_bands.tenant_id
        and backtests.backtest_id = backtest_bands.backtest_id
)

select * from final
