-- Results of reconcile: claims with their reasons, settlements, the trade sub-ledger and its evidence.
-- Evidence (journals, lines, accrual movements, snapshots) is append-only for everybody, its owner included;
-- a correction is a new row. Double entry is checked by the database at commit.

CREATE TABLE finance.claims (
    tenant_id text NOT NULL,
    claim_id uuid NOT NULL,
    source_kind text NOT NULL CHECK (source_kind IN ('deduction', 'ap_payment')),
    deduction_key text,
    payment_key text,
    customer_key text NOT NULL,
    amount numeric(19, 4) NOT NULL,
    currency text NOT NULL,
    posting_date date NOT NULL,
    reason_code_normalized text,
    outcome text NOT NULL CONSTRAINT claims_outcome_accepted CHECK (outcome IN (
        'SETTLED', 'SETTLED_WITHIN_TOLERANCE', 'SETTLED_EXCESS_DISPUTED', 'FIXED_FEE_SETTLED', 'PROOF_MISSING',
        'DISPUTED', 'RECOVERED', 'WRITTEN_OFF', 'NON_TRADE', 'UNMATCHED', 'AMBIGUOUS', 'DUPLICATE_SUSPECT',
        'NEEDS_REVIEW', 'PERIOD_CLOSED', 'REVERSED')),
    reason text NOT NULL,
    dispute_status text CHECK (dispute_status IN ('OPEN', 'DISPUTED', 'RECOVERED', 'WRITEOFF')),
    amount_settled numeric(19, 4) NOT NULL DEFAULT 0,
    amount_disputed numeric(19, 4) NOT NULL DEFAULT 0,
    amount_recovered numeric(19, 4) NOT NULL DEFAULT 0,
    amount_written_off numeric(19, 4) NOT NULL DEFAULT 0,
    amount_non_trade numeric(19, 4) NOT NULL DEFAULT 0,
    amount_open numeric(19, 4) NOT NULL GENERATED ALWAYS AS (
        amount - amount_settled - amount_disputed - amount_recovered - amount_written_off - amount_non_trade
    ) STORED,
    match_confidence_score numeric(7, 6) CHECK (match_confidence_score BETWEEN 0 AND 1),
    evidence numeric(7, 6) CHECK (evidence BETWEEN 0 AND 1),
    auto_cleared boolean NOT NULL DEFAULT false,
    audit_flag boolean NOT NULL DEFAULT false,
    late_after_release boolean NOT NULL DEFAULT false,
    promotion_key text,
    reversal_of text,
    duplicate_of uuid,
    dispute_deadline date,
    as_of date NOT NULL,
    run_id text NOT NULL,
    rule_version text NOT NULL,
    input_hash text NOT NULL,
    PRIMARY KEY (tenant_id, claim_id),
    UNIQUE (tenant_id, deduction_key),
    UNIQUE (tenant_id, payment_key),
    CONSTRAINT claims_source CHECK (
        (source_kind = 'deduction' AND deduction_key IS NOT NULL AND payment_key IS NULL)
        OR (source_kind = 'ap_payment' AND payment_key IS NOT NULL AND deduction_key IS NULL)),
    -- The claim law. A repayment (negative deduction) obeys it with every sign turned.
    CONSTRAINT claims_law CHECK (
        (amount >= 0 AND amount_settled >= 0 AND amount_disputed >= 0 AND amount_recovered >= 0
            AND amount_written_off >= 0 AND amount_non_trade >= 0
            AND amount - amount_settled - amount_disputed - amount_recovered - amount_written_off - amount_non_trade >= 0)
        OR (amount < 0 AND amount_settled <= 0 AND amount_disputed <= 0 AND amount_recovered <= 0
            AND amount_written_off <= 0 AND amount_non_trade <= 0
            AND amount - amount_settled - amount_disputed - amount_recovered - amount_written_off - amount_non_trade <= 0))
);
COMMENT ON TABLE finance.claims IS
    'One row per deduction or fixed fee paid through accounts payable: its ending, the buckets its amount went to, and why. as_of, input_hash and rule_version say what the decision was made with.';
COMMENT ON COLUMN finance.claims.reason IS 'One sentence: why this ending.';
COMMENT ON COLUMN finance.claims.amount_open IS 'What nobody has decided yet; a Draft settlement is still open.';
CREATE INDEX claims_by_outcome ON finance.claims (tenant_id, outcome);
CREATE INDEX claims_by_promotion ON finance.claims (tenant_id, promotion_key);

CREATE TABLE finance.match_candidates (
    tenant_id text NOT NULL,
    claim_id uuid NOT NULL,
    promotion_key text NOT NULL,
    score numeric(7, 6) NOT NULL CHECK (score BETWEEN 0 AND 1),
    evidence numeric(7, 6) NOT NULL CHECK (evidence BETWEEN 0 AND 1),
    rank integer NOT NULL CHECK (rank >= 1),
    parts jsonb NOT NULL,
    chosen boolean NOT NULL,
    as_of date NOT NULL,
    run_id text NOT NULL,
    rule_version text NOT NULL,
    PRIMARY KEY (tenant_id, claim_id, promotion_key),
    FOREIGN KEY (tenant_id, claim_id) REFERENCES finance.claims
);
COMMENT ON TABLE finance.match_candidates IS
    'One row per claim and promotion considered for it, of the latest evaluation: score, its parts, and whether it was chosen.';

CREATE TABLE finance.journals (
    tenant_id text NOT NULL,
    journal_id uuid NOT NULL,
    event text NOT NULL CHECK (event IN (
        'ACCRUAL', 'DEDUCTION_RECEIPT', 'SETTLEMENT', 'SETTLEMENT_REVERSAL', 'DEBIT_MEMO', 'RECOVERY', 'WRITE_OFF',
        'REPAYMENT', 'RELEASE', 'AP_VOUCHER', 'AP_PAYMENT')),
    generation integer NOT NULL DEFAULT 1,
    status text NOT NULL CHECK (status IN ('Posted', 'Failed')),
    message text,
    posting_date date NOT NULL,
    original_posting_date date NOT NULL,
    posted_by text NOT NULL CHECK (posted_by IN ('tradewind', 'erp')),
    promotion_key text,
    claim_id uuid,
    as_of date NOT NULL,
    run_id text NOT NULL,
    rule_version text NOT NULL,
    input_hash text NOT NULL,
    PRIMARY KEY (tenant_id, journal_id),
    CHECK (status = 'Posted' OR message IS NOT NULL)
);
COMMENT ON TABLE finance.journals IS
    'One row per business event posted to the trade sub-ledger. A Failed one (closed period) carries the message and no lines. posted_by erp = a copy of what the ERP itself posted (receipt of a deduction, voucher, payment).';
CREATE INDEX journals_by_promotion ON finance.journals (tenant_id, promotion_key);

CREATE TABLE finance.journal_lines (
    tenant_id text NOT NULL,
    journal_id uuid NOT NULL,
    line_number integer NOT NULL CHECK (line_number >= 1),
    posting_date date NOT NULL,
    account_code text NOT NULL,
    currency text NOT NULL,
    debit_amount numeric(19, 4) NOT NULL DEFAULT 0,
    credit_amount numeric(19, 4) NOT NULL DEFAULT 0,
    event text NOT NULL,
    posted_by text NOT NULL,
    promotion_key text,
    claim_id uuid,
    PRIMARY KEY (tenant_id, journal_id, line_number),
    FOREIGN KEY (tenant_id, journal_id) REFERENCES finance.journals,
    CONSTRAINT journal_lines_one_side CHECK (
        (debit_amount > 0 AND credit_amount = 0) OR (credit_amount > 0 AND debit_amount = 0))
);
COMMENT ON TABLE finance.journal_lines IS 'One row per line of a journal: one account, one side.';
CREATE INDEX journal_lines_by_account ON finance.journal_lines (tenant_id, account_code, posting_date);

CREATE TABLE finance.settlements (
    tenant_id text NOT NULL,
    settlement_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    promotion_key text NOT NULL,
    amount_settled numeric(19, 4) NOT NULL,
    currency text NOT NULL,
    status text NOT NULL CHECK (status IN ('Draft', 'Queued', 'Posted to ERP', 'Failed', 'Reversed')),
    audit_flag boolean NOT NULL DEFAULT false,
    late_after_release boolean NOT NULL DEFAULT false,
    reverses_settlement_id uuid,
    gl_posting_json jsonb NOT NULL,
    settled_as_of date NOT NULL,
    run_id text NOT NULL,
    rule_version text NOT NULL,
    input_hash text NOT NULL,
    PRIMARY KEY (tenant_id, settlement_id),
    FOREIGN KEY (tenant_id, claim_id) REFERENCES finance.claims,
    FOREIGN KEY (tenant_id, reverses_settlement_id) REFERENCES finance.settlements,
    CHECK ((status = 'Reversed') = (reverses_settlement_id IS NOT NULL)),
    CHECK (CASE WHEN status = 'Reversed' THEN amount_settled < 0 ELSE amount_settled > 0 END)
);
COMMENT ON TABLE finance.settlements IS
    'One row per claim and promotion settled. Draft = proposed, not posted, not counted as settled. A reversal is a new row of status Reversed with the negative amount.';
CREATE INDEX settlements_by_claim ON finance.settlements (tenant_id, claim_id);
CREATE INDEX settlements_by_promotion ON finance.settlements (tenant_id, promotion_key);

CREATE TABLE finance.accrual_ledger (
    tenant_id text NOT NULL,
    movement_id uuid NOT NULL,
    promotion_key text NOT NULL,
    movement text NOT NULL CHECK (movement IN ('accrued', 'reversed', 'released')),
    amount numeric(19, 4) NOT NULL CHECK (amount <> 0),
    currency text NOT NULL,
    movement_date date NOT NULL,
    journal_id uuid NOT NULL,
    claim_id uuid,
    accrual_method text NOT NULL,
    as_of date NOT NULL,
    run_id text NOT NULL,
    rule_version text NOT NULL,
    input_hash text NOT NULL,
    PRIMARY KEY (tenant_id, movement_id),
    FOREIGN KEY (tenant_id, journal_id) REFERENCES finance.journals,
    CHECK (movement <> 'released' OR amount < 0)
);
COMMENT ON TABLE finance.accrual_ledger IS
    'One row per movement of a promotion''s accrued liability, signed: accrued +, reversed by a settlement - (its undoing +), released -. The sum per promotion is the open accrual.';
CREATE INDEX accrual_ledger_by_promotion ON finance.accrual_ledger (tenant_id, promotion_key);

CREATE TABLE finance.gl_snapshots (
    tenant_id text NOT NULL,
    sequence bigint NOT NULL CHECK (sequence >= 1),
    settlement_id uuid NOT NULL,
    change text NOT NULL CHECK (change IN ('insert', 'update', 'delete')),
    payload text NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, sequence),
    CONSTRAINT gl_snapshots_hash CHECK (
        hash = encode(sha256(convert_to(previous_hash || payload, 'UTF8')), 'hex'))
);
COMMENT ON TABLE finance.gl_snapshots IS
    'One row per change of a settlement: the state of the ledger at that moment as canonical JSON, chained per tenant: hash = sha256(previous_hash + payload), the first previous_hash is sha256 of nothing.';

CREATE TABLE finance.claim_tasks (
    tenant_id text NOT NULL,
    task_id uuid NOT NULL,
    claim_id uuid,
    promotion_key text,
    task_type text NOT NULL CHECK (task_type IN (
        'UNAUTHORIZED_DEDUCTION', 'CHOOSE_PROMOTION', 'REVIEW_MATCH', 'NO_PROMOTION_FOUND', 'POSSIBLE_DUPLICATE',
        'PROOF_OF_PERFORMANCE', 'PERIOD_CLOSED', 'AMOUNT_CHANGED', 'REPAYMENT_NOT_LINKED', 'ACCRUAL_REFUSED')),
    status text NOT NULL CHECK (status IN ('open', 'closed')),
    amount numeric(19, 4) NOT NULL,
    currency text NOT NULL,
    due_date date,
    detail text NOT NULL,
    proposal jsonb NOT NULL DEFAULT '{}',
    opened_as_of date NOT NULL,
    closed_as_of date,
    run_id text NOT NULL,
    rule_version text NOT NULL,
    PRIMARY KEY (tenant_id, task_id),
    CHECK ((status = 'closed') = (closed_as_of IS NOT NULL))
);
COMMENT ON TABLE finance.claim_tasks IS
    'One row per question put to a person, with what the engine would propose. Closed by the engine when a later evaluation answers it.';
CREATE INDEX claim_tasks_open ON finance.claim_tasks (tenant_id, claim_id) WHERE status = 'open';

CREATE TABLE finance.promotion_state (
    tenant_id text NOT NULL,
    promotion_key text NOT NULL,
    lifecycle_status text NOT NULL CHECK (lifecycle_status IN ('Draft', 'Approved', 'Committed', 'Settled', 'Failed')),
    accrual_method text NOT NULL,
    currency text NOT NULL,
    accrual_date date,
    released_date date,
    message text,
    as_of date NOT NULL,
    run_id text NOT NULL,
    rule_version text NOT NULL,
    input_hash text NOT NULL,
    PRIMARY KEY (tenant_id, promotion_key)
);
COMMENT ON TABLE finance.promotion_state IS
    'One row per promotion the ledger knows: its financial life cycle. Failed = the accrual was refused, so the promotion is no active budget. Settled = the residual was released. Amounts are sums over finance.accrual_ledger.';

CREATE TABLE finance.reconciliation_runs (
    tenant_id text NOT NULL,
    as_of date NOT NULL,
    run_id text NOT NULL,
    is_replay boolean NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'completed')),
    input_hash text NOT NULL,
    rule_version text NOT NULL,
    rules jsonb NOT NULL,
    summary jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, as_of, run_id)
);
COMMENT ON TABLE finance.reconciliation_runs IS
    'One row per run of reconcile: the inputs'' hash, the rules in full, what was done.';

CREATE TABLE finance.claim_replays (
    tenant_id text NOT NULL,
    as_of date NOT NULL,
    run_id text NOT NULL,
    claim_id uuid NOT NULL,
    deduction_key text,
    payment_key text,
    amount numeric(19, 4) NOT NULL,
    currency text NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    amount_settled numeric(19, 4) NOT NULL,
    amount_disputed numeric(19, 4) NOT NULL,
    amount_recovered numeric(19, 4) NOT NULL,
    amount_written_off numeric(19, 4) NOT NULL,
    amount_non_trade numeric(19, 4) NOT NULL,
    amount_open numeric(19, 4) NOT NULL,
    match_confidence_score numeric(7, 6),
    promotion_key text,
    rule_version text NOT NULL,
    input_hash text NOT NULL,
    PRIMARY KEY (tenant_id, as_of, run_id, claim_id)
);
COMMENT ON TABLE finance.claim_replays IS
    'One row per claim and replay of a past date: what would have been decided then with what was known then. Posts nothing.';

-- Double entry at commit: at least two lines, debits equal credits in every currency. On headers too, because a
-- header whose lines never came fires nothing on the lines.
CREATE FUNCTION finance.check_journal_balances() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog
    AS $$
DECLARE
    header_status text;
    line_count bigint;
    unbalanced text;
BEGIN
    SELECT j.status INTO header_status FROM finance.journals j
        WHERE j.tenant_id = NEW.tenant_id AND j.journal_id = NEW.journal_id;
    SELECT count(*) INTO line_count FROM finance.journal_lines l
        WHERE l.tenant_id = NEW.tenant_id AND l.journal_id = NEW.journal_id;
    IF header_status = 'Failed' THEN
        IF line_count > 0 THEN
            RAISE EXCEPTION 'journal % failed, so it must have no lines, but it has %', NEW.journal_id, line_count
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END IF;
    IF line_count < 2 THEN
        RAISE EXCEPTION 'journal % has % line(s); double entry needs two', NEW.journal_id, line_count
            USING ERRCODE = 'check_violation';
    END IF;
    SELECT string_agg(format('%s: debit %s, credit %s', c.currency, c.debit, c.credit), '; ') INTO unbalanced
        FROM (
            SELECT l.currency, sum(l.debit_amount) AS debit, sum(l.credit_amount) AS credit
            FROM finance.journal_lines l
            WHERE l.tenant_id = NEW.tenant_id AND l.journal_id = NEW.journal_id
            GROUP BY l.currency
            HAVING sum(l.debit_amount) <> sum(l.credit_amount)
        ) c;
    IF unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'journal % does not balance in %', NEW.journal_id, unbalanced
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER journal_balances AFTER INSERT ON finance.journals
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION finance.check_journal_balances();
CREATE CONSTRAINT TRIGGER journal_line_balances AFTER INSERT ON finance.journal_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION finance.check_journal_balances();

CREATE FUNCTION finance.check_snapshot_chain() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog
    AS $$
DECLARE
    last_sequence bigint;
    last_hash text;
BEGIN
    SELECT s.sequence, s.hash INTO last_sequence, last_hash FROM finance.gl_snapshots s
        WHERE s.tenant_id = NEW.tenant_id ORDER BY s.sequence DESC LIMIT 1;
    IF NEW.sequence <> coalesce(last_sequence, 0) + 1
        OR NEW.previous_hash <> coalesce(last_hash, encode(sha256(''::bytea), 'hex')) THEN
        RAISE EXCEPTION 'snapshot % of % does not continue the chain, whose head is %',
            NEW.sequence, NEW.tenant_id, coalesce(last_sequence, 0)
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER snapshot_chain BEFORE INSERT ON finance.gl_snapshots
    FOR EACH ROW EXECUTE FUNCTION finance.check_snapshot_chain();

CREATE FUNCTION finance.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% on %.% refused: evidence is append-only, a correction is a new row',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

DO $append_only$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['journals', 'journal_lines', 'accrual_ledger', 'gl_snapshots'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON finance.%I
            FOR EACH ROW EXECUTE FUNCTION finance.refuse_change()', relation);
        EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON finance.%I
            FOR EACH STATEMENT EXECUTE FUNCTION finance.refuse_change()', relation);
        -- ALWAYS: session_replication_role = replica does not switch them off.
        EXECUTE format('ALTER TABLE finance.%I ENABLE ALWAYS TRIGGER append_only', relation);
        EXECUTE format('ALTER TABLE finance.%I ENABLE ALWAYS TRIGGER append_only_truncate', relation);
    END LOOP;
END
$append_only$;

GRANT INSERT ON finance.journals, finance.journal_lines, finance.accrual_ledger, finance.gl_snapshots,
    finance.claim_replays TO tw_engine;
GRANT INSERT, UPDATE ON finance.claims, finance.settlements, finance.claim_tasks, finance.promotion_state,
    finance.reconciliation_runs TO tw_engine;
GRANT INSERT, DELETE ON finance.match_candidates TO tw_engine;
