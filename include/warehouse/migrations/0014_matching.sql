-- What the match rule would have said of claims that are decided, before it may clear claims by itself. Evidence:
-- a back-test is never changed, and the same one again is the same row.

CREATE TABLE finance.backtests (
    tenant_id text NOT NULL,
    backtest_id uuid NOT NULL,
    from_date date NOT NULL,
    to_date date NOT NULL,
    rule_version text NOT NULL,
    rules jsonb NOT NULL,
    input_hash text NOT NULL,
    claims integer NOT NULL CHECK (claims >= 0),
    cleared integer NOT NULL CHECK (cleared BETWEEN 0 AND claims),
    confirmed integer NOT NULL CHECK (confirmed BETWEEN 0 AND cleared),
    precision_rate numeric(7, 6) CHECK (precision_rate BETWEEN 0 AND 1),
    recall_rate numeric(7, 6) CHECK (recall_rate BETWEEN 0 AND 1),
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, backtest_id),
    CHECK (from_date <= to_date)
);
COMMENT ON TABLE finance.backtests IS
    'One row per back-test of the match rule over the claims decided from from_date to to_date: what auto-clear under exactly these rules would have cleared, and how much of it was right.';

CREATE TABLE finance.backtest_bands (
    tenant_id text NOT NULL,
    backtest_id uuid NOT NULL,
    score_from numeric(7, 6) NOT NULL CHECK (score_from BETWEEN 0 AND 1),
    score_to numeric(7, 6) NOT NULL CHECK (score_to BETWEEN 0 AND 1),
    currency text NOT NULL,
    claims integer NOT NULL CHECK (claims >= 1),
    confirmed integer NOT NULL CHECK (confirmed BETWEEN 0 AND claims),
    by_person integer NOT NULL CHECK (by_person BETWEEN 0 AND claims),
    amount numeric(19, 4) NOT NULL,
    rate_low numeric(7, 6) NOT NULL,
    rate_high numeric(7, 6) NOT NULL,
    PRIMARY KEY (tenant_id, backtest_id, score_from, currency),
    FOREIGN KEY (tenant_id, backtest_id) REFERENCES finance.backtests
);
COMMENT ON TABLE finance.backtest_bands IS
    'One row per back-test, score band and currency: how many proposals of that score were what came of the claim, with the 95% interval of the share.';

CREATE TABLE finance.backtest_thresholds (
    tenant_id text NOT NULL,
    backtest_id uuid NOT NULL,
    clear_score numeric(7, 6) NOT NULL CHECK (clear_score BETWEEN 0 AND 1),
    cleared integer NOT NULL CHECK (cleared >= 0),
    confirmed integer NOT NULL CHECK (confirmed BETWEEN 0 AND cleared),
    owed integer NOT NULL CHECK (owed >= 0),
    is_present_rule boolean NOT NULL,
    PRIMARY KEY (tenant_id, backtest_id, clear_score),
    FOREIGN KEY (tenant_id, backtest_id) REFERENCES finance.backtests
);
COMMENT ON TABLE finance.backtest_thresholds IS
    'One row per back-test and threshold: what clearing from that score on would have cleared, and how much of it was right.';

DO $append_only$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['backtests', 'backtest_bands', 'backtest_thresholds'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON finance.%I
            FOR EACH ROW EXECUTE FUNCTION finance.refuse_change()', relation);
        EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON finance.%I
            FOR EACH STATEMENT EXECUTE FUNCTION finance.refuse_change()', relation);
        EXECUTE format('ALTER TABLE finance.%I ENABLE ALWAYS TRIGGER append_only', relation);
        EXECUTE format('ALTER TABLE finance.%I ENABLE ALWAYS TRIGGER append_only_truncate', relation);
    END LOOP;
END
$append_only$;

GRANT INSERT ON finance.backtests, finance.backtest_bands, finance.backtest_thresholds TO tw_engine;
