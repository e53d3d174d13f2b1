-- What moves a simulation's total, and the settings at which it meets its budget.
-- Records: added once per simulation, never changed.

CREATE TABLE planning.monte_carlo_drivers (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL,
    lever text NOT NULL,
    size double precision NOT NULL,
    currency text NOT NULL,
    scenario_id text NOT NULL,
    simulation_date date NOT NULL,
    iterations bigint NOT NULL CHECK (iterations > 0),
    rank integer NOT NULL CHECK (rank > 0),
    reason text,
    mean numeric(19, 4),
    p95 numeric(19, 4),
    p_exceed_budget double precision,
    delta_mean numeric(19, 4),
    delta_mean_se numeric(19, 4) CHECK (delta_mean_se >= 0),
    delta_p95 numeric(19, 4),
    delta_p95_se numeric(19, 4) CHECK (delta_p95_se >= 0),
    delta_p_exceed double precision,
    delta_p_exceed_se double precision CHECK (delta_p_exceed_se >= 0),
    PRIMARY KEY (tenant_id, simulation_id, lever, size),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES planning.monte_carlo_runs,
    CHECK ((reason IS NULL) = (delta_p95 IS NOT NULL))
);
COMMENT ON TABLE planning.monte_carlo_drivers IS
    'Simulation x lever x size: the simulation with one thing changed, less the simulation, on the same random numbers.';
COMMENT ON COLUMN planning.monte_carlo_drivers.size IS
    'Relative change (0.1 = 10 % more); of the threshold in points of attainment.';
COMMENT ON COLUMN planning.monte_carlo_drivers.iterations IS
    'The first iterations of the simulation, which base and variant were compared over.';
COMMENT ON COLUMN planning.monte_carlo_drivers.rank IS '1 moves P95 most; levers that do not apply come last.';
COMMENT ON COLUMN planning.monte_carlo_drivers.reason IS 'Why the lever does not apply; it has no figures then.';
COMMENT ON COLUMN planning.monte_carlo_drivers.delta_p95_se IS
    'Spread of the difference over bootstrap samples of iterations, the same ones in base and variant.';

CREATE TABLE planning.monte_carlo_optima (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL,
    lever text NOT NULL,
    percentile integer NOT NULL CHECK (percentile BETWEEN 1 AND 99),
    currency text NOT NULL,
    scenario_id text NOT NULL,
    simulation_date date NOT NULL,
    budget_amount numeric(19, 4) NOT NULL,
    status text NOT NULL CHECK (status IN ('met', 'met_everywhere', 'unattainable', 'not_applicable')),
    reason text,
    setting double precision,
    amount numeric(19, 4),
    mean numeric(19, 4),
    p95 numeric(19, 4),
    p_exceed_budget double precision,
    next_setting double precision,
    next_amount numeric(19, 4),
    is_monotone boolean,
    lowest double precision NOT NULL,
    highest double precision NOT NULL,
    step double precision NOT NULL CHECK (step > 0),
    iterations bigint NOT NULL CHECK (iterations > 0),
    evaluations integer NOT NULL CHECK (evaluations >= 0),
    PRIMARY KEY (tenant_id, simulation_id, lever, percentile),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES planning.monte_carlo_runs,
    CHECK ((status = 'not_applicable') = (setting IS NULL)),
    CHECK ((status = 'met') = (next_amount IS NOT NULL)),
    CHECK (CASE WHEN status = 'unattainable' THEN amount > budget_amount ELSE amount <= budget_amount END)
);
COMMENT ON TABLE planning.monte_carlo_optima IS
    'Simulation x lever x percentile: the dearest setting whose percentile of the total cost meets the budget of the simulation.';
COMMENT ON COLUMN planning.monte_carlo_optima.status IS
    'met: found inside the bounds; met_everywhere: even the dearest setting meets the budget; unattainable: not even the cheapest does, which is the setting given; not_applicable: no plan has what the lever moves.';
COMMENT ON COLUMN planning.monte_carlo_optima.amount IS 'The percentile of the total cost at the setting.';
COMMENT ON COLUMN planning.monte_carlo_optima.next_amount IS 'The percentile one step further, at next_setting, which exceeds the budget.';

GRANT INSERT ON planning.monte_carlo_drivers, planning.monte_carlo_optima TO tw_engine;
