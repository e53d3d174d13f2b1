-- How iterations were sampled, and what that makes of the errors.

ALTER TABLE planning.monte_carlo_summary
    ADD COLUMN sampling text NOT NULL DEFAULT 'plain' CHECK (sampling IN ('plain', 'antithetic', 'sobol')),
    ADD COLUMN independent_units bigint CHECK (independent_units > 0),
    ADD COLUMN ess double precision CHECK (ess > 0);
UPDATE planning.monte_carlo_summary SET independent_units = iterations, ess = iterations;
ALTER TABLE planning.monte_carlo_summary
    ALTER COLUMN sampling DROP DEFAULT,
    ALTER COLUMN independent_units SET NOT NULL;
COMMENT ON COLUMN planning.monte_carlo_summary.independent_units IS
    'What the errors and intervals are the spread of: iterations (plain), pairs (antithetic), replications (sobol).';
COMMENT ON COLUMN planning.monte_carlo_summary.ess IS
    'Effective sample size: plain iterations that would leave the same se_mean. null: se_mean is null, or 0 beside a spread.';

CREATE TABLE planning.monte_carlo_convergence (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL,
    iterations bigint NOT NULL CHECK (iterations > 0),
    mean numeric(19, 4) NOT NULL,
    se_mean numeric(19, 4),
    p95 numeric(19, 4) NOT NULL,
    PRIMARY KEY (tenant_id, simulation_id, iterations),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES planning.monte_carlo_runs
);
COMMENT ON TABLE planning.monte_carlo_convergence IS
    'Simulation x checkpoint: statistics of its first iterations, at whole pairs and replications. The last one is the summary''s.';
GRANT INSERT ON planning.monte_carlo_convergence TO tw_engine;
