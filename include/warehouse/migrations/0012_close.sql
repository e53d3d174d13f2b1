-- The month end: what a close was based on, what tied, what was frozen, who signed or reopened it. Events, stored
-- balances and frozen statements are evidence. Nothing is posted into a period that is closed: the database sees to it.

CREATE TABLE finance.close_runs (
    tenant_id text NOT NULL,
    calendar text NOT NULL,
    fiscal_year integer NOT NULL,
    period integer NOT NULL,
    generation integer NOT NULL CHECK (generation >= 1),
    start_date date NOT NULL,
    end_date date NOT NULL,
    state text NOT NULL CHECK (state IN ('frozen', 'not_tied', 'closed')),
    as_of date NOT NULL,
    reconciled_as_of date NOT NULL,
    reconciled_run_id text NOT NULL,
    rule_version text NOT NULL,
    contents jsonb NOT NULL,
    input_hash text NOT NULL,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, calendar, fiscal_year, period, generation),
    CHECK (start_date <= end_date)
);
COMMENT ON TABLE finance.close_runs IS
    'One row per fiscal period and generation that a close has begun: how far it is, the reconcile run it is based on, and what the period contained (counts and sums by currency, with their hash). A reopened period gets a new generation.';

CREATE TABLE finance.close_checklist (
    tenant_id text NOT NULL,
    calendar text NOT NULL,
    fiscal_year integer NOT NULL,
    period integer NOT NULL,
    generation integer NOT NULL,
    check_name text NOT NULL,
    currency text NOT NULL,
    status text NOT NULL CHECK (status IN ('tied', 'not_tied', 'not_applicable')),
    is_blocking boolean NOT NULL,
    expected_amount numeric(19, 4),
    found_amount numeric(19, 4),
    difference_amount numeric(19, 4) GENERATED ALWAYS AS (found_amount - expected_amount) STORED,
    broken_count bigint NOT NULL DEFAULT 0,
    detail text NOT NULL,
    signed_by text,
    signed_at timestamptz,
    as_of date NOT NULL,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, calendar, fiscal_year, period, generation, check_name, currency),
    FOREIGN KEY (tenant_id, calendar, fiscal_year, period, generation) REFERENCES finance.close_runs,
    CHECK ((signed_by IS NULL) = (signed_at IS NULL)),
    CHECK (status <> 'tied' OR (found_amount IS NOT DISTINCT FROM expected_amount AND broken_count = 0))
);
COMMENT ON TABLE finance.close_checklist IS
    'One row per fiscal period, generation, check and currency (empty where a check has no amount): what was expected, what was found, and whether the close may go on without it.';

CREATE TABLE finance.period_closes (
    tenant_id text NOT NULL,
    calendar text NOT NULL,
    fiscal_year integer NOT NULL,
    period integer NOT NULL,
    generation integer NOT NULL,
    event text NOT NULL CHECK (event IN ('closed', 'signed', 'reopened')),
    start_date date NOT NULL,
    end_date date NOT NULL,
    as_of date NOT NULL,
    decision_key text,
    decided_by text NOT NULL,
    decided_at timestamptz,
    reason text,
    input_hash text,
    statements_hash text,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, calendar, fiscal_year, period, generation, event),
    FOREIGN KEY (tenant_id, calendar, fiscal_year, period, generation) REFERENCES finance.close_runs,
    CHECK (event <> 'closed' OR (input_hash IS NOT NULL AND statements_hash IS NOT NULL)),
    CHECK (event = 'closed' OR (decision_key IS NOT NULL AND decided_at IS NOT NULL)),
    CHECK (event <> 'reopened' OR btrim(coalesce(reason, '')) <> '')
);
COMMENT ON TABLE finance.period_closes IS
    'One row per event of a fiscal period: closed by us, signed, reopened; by whom and why. The latest event of the latest generation is the state.';

CREATE TABLE finance.balance_assertions (
    tenant_id text NOT NULL,
    calendar text NOT NULL,
    fiscal_year integer NOT NULL,
    period integer NOT NULL,
    generation integer NOT NULL,
    ledger text NOT NULL CHECK (ledger IN ('accruals', 'clearing')),
    account_code text NOT NULL,
    currency text NOT NULL,
    expected_amount numeric(19, 4) NOT NULL,
    found_amount numeric(19, 4) NOT NULL,
    difference_amount numeric(19, 4) GENERATED ALWAYS AS (found_amount - expected_amount) STORED,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, calendar, fiscal_year, period, generation, ledger, account_code, currency),
    FOREIGN KEY (tenant_id, calendar, fiscal_year, period, generation) REFERENCES finance.close_runs
);
COMMENT ON TABLE finance.balance_assertions IS
    'One row per closed period and control account: the balance at its end by the sub-ledger (expected) and by the journals (found). Every later run asks both again; another answer fails it.';

CREATE TABLE finance.period_statements (
    tenant_id text NOT NULL,
    calendar text NOT NULL,
    fiscal_year integer NOT NULL,
    period integer NOT NULL,
    generation integer NOT NULL,
    statement text NOT NULL CHECK (statement IN ('trial_balance', 'balance_sheet', 'income_statement')),
    line_number integer NOT NULL,
    company_code text NOT NULL,
    currency text NOT NULL,
    section text,
    line text NOT NULL,
    opening numeric(19, 4),
    debit numeric(19, 4),
    credit numeric(19, 4),
    amount numeric(19, 4) NOT NULL,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, calendar, fiscal_year, period, generation, statement, line_number),
    FOREIGN KEY (tenant_id, calendar, fiscal_year, period, generation) REFERENCES finance.close_runs
);
COMMENT ON TABLE finance.period_statements IS
    'One row per line of a statement as it stood when the period was closed; the hash of all lines is in finance.period_closes. amount is the closing balance in the trial balance.';

CREATE TABLE finance.period_decisions (
    tenant_id text NOT NULL,
    decision_key text NOT NULL,
    calendar text,
    fiscal_year integer NOT NULL,
    period integer NOT NULL,
    generation integer,
    action text NOT NULL CHECK (action IN ('sign', 'reopen')),
    reason text,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('applied', 'refused')),
    why text NOT NULL,
    as_of date NOT NULL,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, decision_key)
);
COMMENT ON TABLE finance.period_decisions IS
    'One row per decision on a fiscal period that was taken in: applied, or refused and why. A key counts once; a refused one is repeated under a new key.';

CREATE TABLE finance.close_replays (
    tenant_id text NOT NULL,
    as_of date NOT NULL,
    run_id text NOT NULL,
    calendar text NOT NULL,
    fiscal_year integer NOT NULL,
    period integer NOT NULL,
    check_name text NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    is_blocking boolean NOT NULL,
    expected_amount numeric(19, 4),
    found_amount numeric(19, 4),
    broken_count bigint NOT NULL,
    detail text NOT NULL,
    PRIMARY KEY (tenant_id, as_of, run_id, calendar, fiscal_year, period, check_name, currency)
);
COMMENT ON TABLE finance.close_replays IS
    'One row per check of a period that a run for a past date would have closed then, over what was known then. Closes and posts nothing.';

CREATE VIEW finance.period_status AS
    SELECT DISTINCT ON (tenant_id, calendar, fiscal_year, period)
        tenant_id, calendar, fiscal_year, period, generation, start_date, end_date, event AS state, as_of
    FROM finance.period_closes
    ORDER BY tenant_id, calendar, fiscal_year, period, generation DESC,
        array_position(ARRAY['closed', 'signed', 'reopened'], event) DESC;
COMMENT ON VIEW finance.period_status IS 'One row per fiscal period we ever closed, with its latest event.';

DO $append_only$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['period_closes', 'balance_assertions', 'period_statements', 'period_decisions',
                                    'close_replays'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON finance.%I
            FOR EACH ROW EXECUTE FUNCTION finance.refuse_change()', relation);
        EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON finance.%I
            FOR EACH STATEMENT EXECUTE FUNCTION finance.refuse_change()', relation);
        EXECUTE format('ALTER TABLE finance.%I ENABLE ALWAYS TRIGGER append_only', relation);
        EXECUTE format('ALTER TABLE finance.%I ENABLE ALWAYS TRIGGER append_only_truncate', relation);
    END LOOP;
END
$append_only$;

-- A posting takes the tenant's lock with others, a close takes it alone: a close has seen every posting that was made
-- before it, and a posting sees every close. What is refused here is dated anew by the next attempt.
CREATE FUNCTION finance.refuse_posting_into_closed_period() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog
    AS $$
DECLARE
    refused record;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('close|' || p.tenant_id, 0))
        FROM (SELECT DISTINCT tenant_id FROM posted) p;
    SELECT p.journal_id, p.posting_date, c.end_date INTO refused
        FROM posted p
        JOIN (SELECT s.tenant_id, max(s.end_date) AS end_date FROM finance.period_status s
              WHERE s.state <> 'reopened' GROUP BY s.tenant_id) c
            ON c.tenant_id = p.tenant_id AND p.posting_date <= c.end_date
        WHERE p.status = 'Posted' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal % is dated %, and we have closed everything up to %',
            refused.journal_id, refused.posting_date, refused.end_date
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER closed_periods_stay_closed AFTER INSERT ON finance.journals
    REFERENCING NEW TABLE AS posted
    FOR EACH STATEMENT EXECUTE FUNCTION finance.refuse_posting_into_closed_period();

GRANT INSERT ON finance.period_closes, finance.balance_assertions, finance.period_statements,
    finance.period_decisions, finance.close_replays TO tw_engine;
GRANT INSERT, UPDATE, DELETE ON finance.close_checklist TO tw_engine;
GRANT INSERT, UPDATE ON finance.close_runs TO tw_engine;
