-- Draws against commission: what a simulation knows of each window that is over, and what the rep owes after it.

CREATE TABLE planning.commission_draw_balances (
    tenant_id text NOT NULL,
    simulation_id text NOT NULL,
    rep_key text NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL CHECK (period_end > period_start),
    currency text NOT NULL,
    is_recoverable boolean NOT NULL,
    draw_amount numeric(19, 4) NOT NULL CHECK (draw_amount >= 0),
    earned_amount numeric(19, 4) NOT NULL,
    paid_amount numeric(19, 4) NOT NULL CHECK (paid_amount >= draw_amount),
    balance_amount numeric(19, 4) NOT NULL CHECK (balance_amount >= 0),
    PRIMARY KEY (tenant_id, simulation_id, rep_key, period_start),
    FOREIGN KEY (tenant_id, simulation_id) REFERENCES planning.monte_carlo_runs
);
COMMENT ON TABLE planning.commission_draw_balances IS
    'Simulation x rep x window that was over at its as_of: earned in the window, paid with the draw, owed after it. period_end exclusive; in the rep''s currency.';
GRANT INSERT ON planning.commission_draw_balances TO tw_engine;
