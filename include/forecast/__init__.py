"""Monte Carlo of variable compensation: pure functions over frozen inputs, no I/O and no clock.

`config` checks the knobs; `prepare` turns mart rows into `inputs` (frozen, hashed, JSON), rep by rep in
`roster`, with the help of `horizon` (windows, months), `plans` (payout curves) and `history` (observed
attainment), which is fitted in `fit` to a `marginal`; `draws` gives every entity its own random stream;
`engine` simulates blocks of iterations into cents per group; `summary` turns totals into statistics; `paths`
prices the year as of each month end for charts; `accrual` says what a fiscal period has earned of it, `backtest` where
what was paid lay in past forecasts. In pipeline mode `pipeline` gives reps their open deals, which `deals` draws:
`deal_history` says how deals stood on a day, `win_rates`, `close_dates` and `run_rate` what history makes of them.
"""
