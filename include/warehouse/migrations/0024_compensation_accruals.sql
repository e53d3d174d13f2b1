-- What compensation was accrued in each fiscal period, and how past forecasts compare with what was paid.
-- Accruals are append-only: a period that is accrued again gets a new generation, and the highest one counts.

CREATE TABLE finance.accrued_compensation (
    tenant_id text NOT NULL,
    accrual_id uuid NOT NULL,
    horizon_start date NOT NULL,
    horizon_end date NOT NULL CHECK (horizon_end > horizon_start),
    currency text NOT NULL,
    calendar text NOT NULL,
    fiscal_year integer NOT NULL,
    fiscal_period integer NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL CHECK (period_end >= period_start),
    generation integer NOT NULL CHECK (generation > 0),
    previous_id uuid,
    simulation_id text NOT NULL,
    as_of date NOT NULL,
    credited_through date NOT NULL,
    expense_account text NOT NULL,
    liability_account text NOT NULL,
    rep_count integer NOT NULL,
    expected_payout numeric(19, 4) NOT NULL,
    cumulative_amount numeric(19, 4) NOT NULL,
    accrued_before_amount numeric(19, 4) NOT NULL,
    true_up_amount numeric(19, 4) NOT NULL,
    catch_up_amount numeric(19, 4) NOT NULL,
    current_amount numeric(19, 4) NOT NULL,
    run_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, accrual_id),
    UNIQUE (tenant_id, horizon_start, currency, period_end, generation),
    FOREIGN KEY (tenant_id, previous_id) REFERENCES finance.accrued_compensation (tenant_id, accrual_id),
    CHECK (cumulative_amount = accrued_before_amount + true_up_amount + catch_up_amount + current_amount)
);
COMMENT ON TABLE finance.accrued_compensation IS
    'One row per year of compensation (horizon_start), currency, fiscal period it is booked in and generation; the highest generation counts. previous_id: the accrual whose cumulative amount is accrued_before_amount.';
COMMENT ON COLUMN finance.accrued_compensation.horizon_end IS 'Exclusive.';
COMMENT ON COLUMN finance.accrued_compensation.credited_through IS
    'Credits count up to this day: the period''s last, or as_of where that is earlier.';

CREATE TABLE finance.accrued_compensation_reps (
    tenant_id text NOT NULL,
    accrual_id uuid NOT NULL,
    rep_key text NOT NULL,
    measure text NOT NULL,
    role text NOT NULL,
    region text NOT NULL,
    method text NOT NULL CHECK (method IN ('credited', 'complete', 'time', 'not_simulated')),
    expected_payout numeric(19, 4) NOT NULL,
    expected_credited numeric(19, 4) NOT NULL,
    credited_amount numeric(19, 4) NOT NULL,
    elapsed_share numeric(12, 9) NOT NULL,
    credited_at_start_amount numeric(19, 4) NOT NULL,
    elapsed_at_start_share numeric(12, 9) NOT NULL,
    credited_before_amount numeric(19, 4) NOT NULL,
    elapsed_before_share numeric(12, 9) NOT NULL,
    cumulative_amount numeric(19, 4) NOT NULL,
    accrued_before_amount numeric(19, 4) NOT NULL,
    true_up_amount numeric(19, 4) NOT NULL,
    catch_up_amount numeric(19, 4) NOT NULL,
    current_amount numeric(19, 4) NOT NULL,
    PRIMARY KEY (tenant_id, accrual_id, rep_key, measure),
    FOREIGN KEY (tenant_id, accrual_id) REFERENCES finance.accrued_compensation (tenant_id, accrual_id),
    CHECK (cumulative_amount = accrued_before_amount + true_up_amount + catch_up_amount + current_amount)
);
COMMENT ON TABLE finance.accrued_compensation_reps IS
    'One row per accrual, rep and measure. cumulative = expected_payout x credited / expected_credited to the cent; method says where something else holds.';

DO $append_only$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['accrued_compensation', 'accrued_compensation_reps'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON finance.%I
            FOR EACH ROW EXECUTE FUNCTION finance.refuse_change()', relation);
        EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON finance.%I
            FOR EACH STATEMENT EXECUTE FUNCTION finance.refuse_change()', relation);
        EXECUTE format('ALTER TABLE finance.%I ENABLE ALWAYS TRIGGER append_only', relation);
        EXECUTE format('ALTER TABLE finance.%I ENABLE ALWAYS TRIGGER append_only_truncate', relation);
    END LOOP;
END
$append_only$;

CREATE TABLE planning.monte_carlo_backtests (
    tenant_id text NOT NULL,
    horizon_start date NOT NULL,
    horizon_end date NOT NULL CHECK (horizon_end > horizon_start),
    lead_months integer NOT NULL CHECK (lead_months > 0),
    currency text NOT NULL,
    group_kind text NOT NULL CHECK (group_kind IN ('total', 'role', 'region')),
    group_key text NOT NULL,
    as_of date NOT NULL,
    basis text CHECK (basis IN ('stored', 'recomputed')),
    simulation_id text,
    source_hash text NOT NULL,
    input_hash text,
    seed bigint NOT NULL,
    iterations bigint NOT NULL,
    rep_count integer NOT NULL,
    paid_amount numeric(19, 4) NOT NULL,
    unmatched_paid_amount numeric(19, 4) NOT NULL,
    covered_days integer NOT NULL,
    mean numeric(19, 4),
    p5 numeric(19, 4),
    p50 numeric(19, 4),
    p95 numeric(19, 4),
    percentile double precision CHECK (percentile BETWEEN 0 AND 1),
    rep_percentile_mean double precision,
    rep_percentile_bins integer[],
    rep_ks double precision,
    rep_p_value double precision,
    not_compared text,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, horizon_start, lead_months, currency, group_kind, group_key),
    CHECK ((percentile IS NULL) = (not_compared IS NOT NULL))
);
COMMENT ON TABLE planning.monte_carlo_backtests IS
    'One row per finished year, lead, currency and group (total, role, region): what was paid, and its percentile (mid-rank) in the forecast of so many months before the year''s end. Made again when what it depends on changes (source_hash).';
COMMENT ON COLUMN planning.monte_carlo_backtests.covered_days IS 'Days of the year that lie inside a paid window of any rep.';
COMMENT ON COLUMN planning.monte_carlo_backtests.rep_percentile_bins IS
    'Reps of the group by tenth of their own percentile; rep_ks and rep_p_value test them against evenness.';

CREATE TABLE planning.monte_carlo_backtest_reps (
    tenant_id text NOT NULL,
    horizon_start date NOT NULL,
    lead_months integer NOT NULL,
    currency text NOT NULL,
    rep_key text NOT NULL,
    role text,
    region text,
    paid_amount numeric(19, 4),
    mean numeric(19, 4),
    percentile double precision CHECK (percentile BETWEEN 0 AND 1),
    not_compared text,
    PRIMARY KEY (tenant_id, horizon_start, lead_months, currency, rep_key),
    CHECK ((percentile IS NULL) = (not_compared IS NOT NULL))
);
COMMENT ON TABLE planning.monte_carlo_backtest_reps IS
    'One row per finished year, lead and rep who was forecast or paid: the percentile of what was paid, or why it is not compared.';

GRANT INSERT ON finance.accrued_compensation, finance.accrued_compensation_reps TO tw_engine;
GRANT INSERT, DELETE ON planning.monte_carlo_backtests, planning.monte_carlo_backtest_reps TO tw_engine;
