"""The only room that speaks to PostgreSQL.

`session` opens transactions in the right role, `lease` decides who may write, `copy` moves rows in bulk,
`migrate` brings the schema forward, `tenants` adds companies. The other modules hold the reads and writes of one
verb each: `trade*` of reconcile, `forecasts` and `forecast_marts` of forecast, `publishing` and `queue` of publish,
`dbt_results` of transform, `notifications` of whoever tells a person something.
"""
