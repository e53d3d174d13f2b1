-- run as superuser
-- What promotions did at the shelf: the results of the regression and of the measurement, and what changed in the
-- sell-out since the bridge was last built. Results of measurement are derivations, replaced where they differ.

-- The bridge is built increment by increment from here on, and needs its indexes: the next transform makes it anew.
DROP TABLE IF EXISTS analytics.promotion_actuals CASCADE;
SET LOCAL ROLE tw_owner;

CREATE TABLE intelligence.baseline_fits (
    tenant_id text NOT NULL,
    customer_key text NOT NULL,
    product_key text NOT NULL,
    method_version text NOT NULL,
    input_hash text NOT NULL,
    week_count integer NOT NULL CHECK (week_count >= 0),
    terms jsonb NOT NULL DEFAULT '{}',
    r_squared numeric(9, 6),
    residual_spread numeric(18, 9),
    not_fitted_reason text,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, customer_key, product_key),
    CHECK ((not_fitted_reason IS NULL) = (r_squared IS NOT NULL))
);
COMMENT ON TABLE intelligence.baseline_fits IS
    'The log-linear regression of one product at one customer: coefficients by term, or why there is none. input_hash: the weeks it was fitted on.';

CREATE TABLE intelligence.baseline_regressions (
    tenant_id text NOT NULL,
    customer_key text NOT NULL,
    product_key text NOT NULL,
    week_end_date date NOT NULL,
    method_version text NOT NULL,
    baseline_stat_units numeric(19, 4) NOT NULL CHECK (baseline_stat_units >= 0),
    spread_units numeric(19, 4) NOT NULL CHECK (spread_units >= 0),
    weeks_used integer NOT NULL,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, customer_key, product_key, week_end_date)
);
COMMENT ON TABLE intelligence.baseline_regressions IS
    'Units a week would have sold without a promotion and at its usual price, by regression.';

CREATE TABLE planning.promotion_results (
    tenant_id text NOT NULL,
    promotion_key text NOT NULL,
    product_key text NOT NULL,
    week_end_date date NOT NULL,
    method text NOT NULL,
    method_version text NOT NULL,
    week_kind text NOT NULL CHECK (week_kind IN ('promotion', 'post')),
    customer_count integer NOT NULL CHECK (customer_count > 0),
    fallback_count integer NOT NULL,
    actual_units numeric(19, 4) NOT NULL,
    baseline_result_units numeric(19, 4) NOT NULL,
    baseline_units bigint NOT NULL,
    incremental_units numeric(19, 4) NOT NULL,
    incremental_low_units numeric(19, 4),
    incremental_high_units numeric(19, 4),
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, promotion_key, product_key, week_end_date, method),
    CHECK (incremental_units = actual_units - baseline_result_units),
    CHECK (incremental_low_units <= incremental_units AND incremental_units <= incremental_high_units)
);
COMMENT ON TABLE planning.promotion_results IS
    'Promotion x product x week x method: actual against baseline (baseline_result, C32) over the customers that have both. Bounds: 95% t-interval of the clean weeks around the baseline; null where their spread is not known.';

CREATE TABLE planning.promotion_lifts (
    tenant_id text NOT NULL,
    promotion_key text NOT NULL,
    method text NOT NULL,
    method_version text NOT NULL,
    promotion_weeks integer NOT NULL,
    post_weeks integer NOT NULL,
    actual_units numeric(19, 4) NOT NULL,
    baseline_result_units numeric(19, 4) NOT NULL,
    gross_incremental_units numeric(19, 4) NOT NULL,
    gross_low_units numeric(19, 4),
    gross_high_units numeric(19, 4),
    uplift_pct numeric(18, 4),
    dip_units numeric(19, 4) NOT NULL,
    net_incremental_units numeric(19, 4) NOT NULL,
    net_low_units numeric(19, 4),
    net_high_units numeric(19, 4),
    fallback_count integer NOT NULL,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, promotion_key, method),
    CHECK (gross_incremental_units = actual_units - baseline_result_units),
    CHECK (net_incremental_units = gross_incremental_units + dip_units)
);
COMMENT ON TABLE planning.promotion_lifts IS
    'Promotion x method: lift of the whole promotion, the dip of the two weeks after it, and what is left. Actual and baseline are of the promoted weeks.';

-- Derivations: replaced by the measurement that made them, so the engine may delete what is no longer so.
GRANT INSERT, UPDATE, DELETE ON intelligence.baseline_fits, intelligence.baseline_regressions,
    planning.promotion_results, planning.promotion_lifts TO tw_engine;

CREATE TABLE intelligence.pos_changes (
    tenant_id text NOT NULL,
    product_key text NOT NULL,
    sale_date date NOT NULL,
    run_id text NOT NULL,
    change_id bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant_id, change_id)
);
COMMENT ON TABLE intelligence.pos_changes IS
    'A product and day whose sell-out the loader wrote since the bridge was last built. Whoever builds the bridge takes the rows away in the same transaction.';

CREATE TABLE analytics.bridged_windows (
    tenant_id text NOT NULL,
    promotion_key text NOT NULL,
    product_key text NOT NULL,
    customer_key text NOT NULL,
    scan_start date NOT NULL,
    scan_end date NOT NULL,
    planned_amount numeric(19, 4) NOT NULL,
    PRIMARY KEY (tenant_id, promotion_key, product_key)
);
COMMENT ON TABLE analytics.bridged_windows IS 'The promotion windows the bridge was last built from.';

CREATE TABLE analytics.bridged_customers (
    tenant_id text NOT NULL,
    customer_key text NOT NULL,
    hierarchy_path text NOT NULL,
    PRIMARY KEY (tenant_id, customer_key)
);
COMMENT ON TABLE analytics.bridged_customers IS 'The customer hierarchy the bridge was last built from.';

GRANT SELECT, INSERT, UPDATE, DELETE ON intelligence.pos_changes, analytics.bridged_windows,
    analytics.bridged_customers TO tw_pipeline;
