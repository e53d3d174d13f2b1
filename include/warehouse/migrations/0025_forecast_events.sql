-- What starts a forecast between its dates: a large deal that closed, quotas that changed (MCS-12, MCS-13, ORC-11).

CREATE TABLE planning.forecast_baselines (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL,
    as_of date NOT NULL,
    ordinal integer NOT NULL CHECK (ordinal > 0),
    facts jsonb NOT NULL,
    PRIMARY KEY (tenant_id, simulation_id),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES planning.monte_carlo_runs
);
COMMENT ON TABLE planning.forecast_baselines IS
    'One row per forecast, by the first simulation of its run: the large deals and the quotas it had seen.';
COMMENT ON COLUMN planning.forecast_baselines.ordinal IS
    'Counts what was asked for within (tenant, as_of); the highest of a completed simulation is what marts are compared with.';

CREATE TABLE planning.forecast_events (
    tenant_id text NOT NULL,
    event_key text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('large_deal_closed', 'quota_updated')),
    as_of date NOT NULL,
    period text NOT NULL,
    details jsonb NOT NULL,
    forecast_run_id text NOT NULL,
    simulation_ids text[] NOT NULL DEFAULT '{}',
    run_id text NOT NULL,
    detected_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, event_key)
);
COMMENT ON TABLE planning.forecast_events IS
    'One row per event that starts a forecast; an event is stored once, so it starts one run.';
COMMENT ON COLUMN planning.forecast_events.forecast_run_id IS
    'The run of monthly_compensation_forecast it starts, made from the events themselves: the same again is the same run.';
COMMENT ON COLUMN planning.forecast_events.simulation_ids IS
    'The simulations that first took it into account; empty while it waits for its run.';

GRANT INSERT, UPDATE ON planning.forecast_baselines TO tw_engine;
GRANT INSERT, UPDATE (simulation_ids) ON planning.forecast_events TO tw_engine;
