-- Win rates of a simulation in pipeline mode: what every open deal was judged by.

CREATE TABLE planning.monte_carlo_win_rates (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL,
    stage text NOT NULL,
    age_band text NOT NULL,
    source text NOT NULL CHECK (source IN ('stage and age', 'stage', 'age', 'crm_probability', 'all')),
    deal_count integer NOT NULL CHECK (deal_count >= 0),
    win_count integer NOT NULL CHECK (win_count BETWEEN 0 AND deal_count),
    rate double precision CHECK (rate BETWEEN 0 AND 1),
    rate_low double precision,
    rate_high double precision,
    open_count integer NOT NULL CHECK (open_count > 0),
    open_amount numeric(19, 4) NOT NULL,
    expected_amount double precision NOT NULL,
    PRIMARY KEY (tenant_id, simulation_id, stage, age_band, source),
    CHECK ((rate IS NULL) = (source = 'crm_probability')),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES planning.monte_carlo_runs
);
COMMENT ON TABLE planning.monte_carlo_win_rates IS
    'One row per stage and age band that open deals of a simulation stand at (empty: not known). rate = win_count / deal_count of the closed deals named by source, with its 95 % interval; crm_probability: each deal''s own.';
COMMENT ON COLUMN planning.monte_carlo_win_rates.expected_amount IS
    'open_amount weighed by the probability of winning, whenever the deals close.';

GRANT INSERT ON planning.monte_carlo_win_rates TO tw_engine;
