-- What the forecast engine writes: simulations, their frozen inputs, blocks, totals and statistics.
-- Records, not derivations: rows are added, never changed, except the life cycle of a run.

CREATE TABLE planning.monte_carlo_runs (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL CHECK (simulation_id ~ '^sim_[0-9a-f]{32}$'),
    name text NOT NULL,
    scenario_id text NOT NULL,
    currency text NOT NULL,
    period text NOT NULL,
    simulation_date date NOT NULL,
    as_of date NOT NULL,
    horizon_start date NOT NULL,
    horizon_end date NOT NULL CHECK (horizon_end > horizon_start),
    iterations bigint NOT NULL CHECK (iterations > 0),
    block_iterations bigint NOT NULL CHECK (block_iterations > 0),
    block_count integer NOT NULL CHECK (block_count > 0),
    seed bigint NOT NULL,
    rep_count integer NOT NULL,
    excluded_count integer NOT NULL,
    input_hash text NOT NULL,
    config_hash text NOT NULL,
    code_version text NOT NULL,
    result_hash text,
    status text NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed')),
    progress integer NOT NULL CHECK (progress BETWEEN 0 AND 100),
    generation integer NOT NULL CHECK (generation > 0),
    trigger text,
    run_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    PRIMARY KEY (tenant_id, simulation_id)
);
COMMENT ON TABLE planning.monte_carlo_runs IS
    'One simulation: a scenario in one currency over frozen inputs. The same inputs, seed and size give the same id.';
COMMENT ON COLUMN planning.monte_carlo_runs.generation IS
    'Counts what was asked for within (tenant, scenario, currency, simulation_date); the highest completed one is current.';
COMMENT ON COLUMN planning.monte_carlo_runs.horizon_end IS 'Exclusive.';
COMMENT ON COLUMN planning.monte_carlo_runs.result_hash IS 'sha256 of the totals in cents as little-endian int64, by iteration.';
CREATE UNIQUE INDEX monte_carlo_runs_generation
    ON planning.monte_carlo_runs (tenant_id, scenario_id, currency, simulation_date, generation);

CREATE FUNCTION planning.progress_never_falls() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    NEW.progress := greatest(OLD.progress, NEW.progress);
    IF OLD.status = 'completed' THEN
        NEW.status := OLD.status;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER progress_never_falls BEFORE UPDATE ON planning.monte_carlo_runs
    FOR EACH ROW EXECUTE FUNCTION planning.progress_never_falls();

CREATE TABLE planning.monte_carlo_inputs (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL,
    input_hash text NOT NULL,
    inputs json NOT NULL,
    PRIMARY KEY (tenant_id, simulation_id),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES planning.monte_carlo_runs
);
COMMENT ON TABLE planning.monte_carlo_inputs IS
    'One simulation: everything its numbers depend on, as read from the marts when it was frozen. json, not jsonb: the hashed text is kept.';

CREATE TABLE planning.monte_carlo_exclusions (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL,
    rep_key text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (tenant_id, simulation_id, rep_key),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES planning.monte_carlo_runs
);
COMMENT ON TABLE planning.monte_carlo_exclusions IS 'A rep who is not simulated, with the reason.';

CREATE TABLE planning.monte_carlo_fits (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL,
    segment text NOT NULL,
    measure text NOT NULL,
    family text NOT NULL,
    parameters jsonb NOT NULL,
    p0 double precision NOT NULL,
    observation_count integer NOT NULL,
    positive_count integer NOT NULL,
    aic double precision,
    candidates jsonb NOT NULL,
    pooled_from text,
    window_months double precision NOT NULL,
    PRIMARY KEY (tenant_id, simulation_id, measure, segment),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES planning.monte_carlo_runs
);
COMMENT ON TABLE planning.monte_carlo_fits IS
    'The attainment distribution used for a segment. pooled_from: the wider group whose history stood in.';

CREATE TABLE planning.monte_carlo_blocks (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL,
    block_no integer NOT NULL CHECK (block_no >= 0),
    group_kind text NOT NULL CHECK (group_kind IN ('total', 'role', 'region', 'segment', 'rep_sum')),
    group_key text NOT NULL,
    start_iteration bigint NOT NULL,
    stop_iteration bigint NOT NULL CHECK (stop_iteration > start_iteration),
    cents bytea NOT NULL,
    PRIMARY KEY (tenant_id, simulation_id, block_no, group_kind, group_key),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES planning.monte_carlo_runs
);
ALTER TABLE planning.monte_carlo_blocks ALTER COLUMN cents SET STORAGE EXTERNAL;
COMMENT ON TABLE planning.monte_carlo_blocks IS
    'Block x group: cents per iteration as little-endian int64. rep_sum: one sum per rep of the block, in the order of the frozen inputs.';

CREATE TABLE planning.monte_carlo_results (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL,
    currency text NOT NULL,
    scenario_id text NOT NULL,
    simulation_date date NOT NULL,
    iteration bigint NOT NULL CHECK (iteration >= 0),
    total_compensation numeric(19, 4) NOT NULL,
    PRIMARY KEY (tenant_id, simulation_id, iteration),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES planning.monte_carlo_runs
);
COMMENT ON TABLE planning.monte_carlo_results IS
    'Simulation x iteration: total variable compensation of the horizon.';

CREATE TABLE planning.monte_carlo_groups (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL,
    group_kind text NOT NULL CHECK (group_kind IN ('role', 'region', 'segment', 'rep')),
    group_key text NOT NULL,
    currency text NOT NULL,
    rep_count integer NOT NULL,
    mean numeric(19, 4) NOT NULL,
    p10 numeric(19, 4) NOT NULL,
    p50 numeric(19, 4) NOT NULL,
    p90 numeric(19, 4) NOT NULL,
    es95_contribution numeric(19, 4),
    budget_amount numeric(19, 4),
    p_exceed_budget double precision,
    p_exceed_low double precision,
    p_exceed_high double precision,
    PRIMARY KEY (tenant_id, simulation_id, group_kind, group_key),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES planning.monte_carlo_runs
);
COMMENT ON TABLE planning.monte_carlo_groups IS
    'Simulation x group. Means and es95_contribution of the groups of one kind sum to the total; a rep has no es95_contribution.';

CREATE TABLE planning.monte_carlo_summary (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL,
    currency text NOT NULL,
    scenario_id text NOT NULL,
    simulation_date date NOT NULL,
    iterations bigint NOT NULL,
    mean numeric(19, 4) NOT NULL,
    sd numeric(19, 4),
    se_mean numeric(19, 4),
    minimum numeric(19, 4) NOT NULL,
    maximum numeric(19, 4) NOT NULL,
    p1 numeric(19, 4) NOT NULL,
    p5 numeric(19, 4) NOT NULL,
    p10 numeric(19, 4) NOT NULL,
    p25 numeric(19, 4) NOT NULL,
    p50 numeric(19, 4) NOT NULL,
    p75 numeric(19, 4) NOT NULL,
    p90 numeric(19, 4) NOT NULL,
    p95 numeric(19, 4) NOT NULL,
    p99 numeric(19, 4) NOT NULL,
    percentiles jsonb NOT NULL,
    var_95 numeric(19, 4) NOT NULL,
    var_95_excess numeric(19, 4) NOT NULL,
    es95 numeric(19, 4) NOT NULL,
    p95_low numeric(19, 4),
    p95_high numeric(19, 4),
    reserve numeric(19, 4) NOT NULL,
    budget_amount numeric(19, 4),
    exceed_count bigint,
    p_exceed_budget double precision,
    p_exceed_low double precision,
    p_exceed_high double precision,
    expected_overshoot numeric(19, 4),
    credited_to_date numeric(19, 4) NOT NULL,
    plan_at_target numeric(19, 4),
    PRIMARY KEY (tenant_id, simulation_id),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES planning.monte_carlo_runs
);
COMMENT ON TABLE planning.monte_carlo_summary IS
    'One row per simulation. percentiles: {"1": ..., "99": ...} as decimal text; reserve = P90 - P50; expected_overshoot = mean of max(total - budget, 0).';

GRANT INSERT ON planning.monte_carlo_runs, planning.monte_carlo_inputs, planning.monte_carlo_exclusions,
    planning.monte_carlo_fits, planning.monte_carlo_blocks, planning.monte_carlo_results,
    planning.monte_carlo_groups, planning.monte_carlo_summary TO tw_engine;
GRANT UPDATE (status, progress, result_hash, completed_at, generation, trigger, run_id)
    ON planning.monte_carlo_runs TO tw_engine;
