-- Which arithmetic a simulation was computed in.

ALTER TABLE planning.monte_carlo_runs
    ADD COLUMN profile text NOT NULL DEFAULT 'exact' CHECK (profile IN ('exact', 'fast'));
ALTER TABLE planning.monte_carlo_runs ALTER COLUMN profile DROP DEFAULT;
COMMENT ON COLUMN planning.monte_carlo_runs.profile IS
    'exact: float64, every payout exact to the cent. fast: float32, every payout within a millionth. Part of the inputs.';
