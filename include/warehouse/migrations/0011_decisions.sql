-- What people decide: the rows they post, the answers they get, and who decided on the claim itself.

ALTER TABLE finance.claims DROP CONSTRAINT claims_outcome_accepted;
ALTER TABLE finance.claims ADD CONSTRAINT claims_outcome_accepted CHECK (outcome IN (
    'SETTLED', 'SETTLED_WITHIN_TOLERANCE', 'SETTLED_EXCESS_DISPUTED', 'FIXED_FEE_SETTLED', 'PROOF_MISSING',
    'DISPUTED', 'RECOVERED', 'WRITTEN_OFF', 'NON_TRADE', 'UNMATCHED', 'AMBIGUOUS', 'DUPLICATE_SUSPECT',
    'NEEDS_REVIEW', 'PERIOD_CLOSED', 'PARTLY_DECIDED', 'REOPENED', 'REVERSED'));
ALTER TABLE finance.claims
    ADD COLUMN decided_by text,
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN is_not_duplicate boolean NOT NULL DEFAULT false,
    ADD COLUMN opened_with text;
COMMENT ON COLUMN finance.claims.opened_with IS
    'Business date, inputs and rules of the run that first decided it; a run that goes on after a kill knows its own claims by it.';
COMMENT ON COLUMN finance.claims.decided_by IS 'The person who decided last; empty where the engine alone did.';
COMMENT ON COLUMN finance.claims.is_not_duplicate IS 'A person has cleared the suspicion that it is a duplicate.';

CREATE TABLE finance.claim_decisions (
    tenant_id text NOT NULL,
    decision_key text NOT NULL,
    content_hash text NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    claim_kind text NOT NULL CHECK (claim_kind IN ('deduction', 'ap_payment')),
    claim_key text NOT NULL,
    claim_id uuid,
    action text NOT NULL CHECK (action IN (
        'settle', 'dispute', 'recover', 'write_off', 'non_trade', 'not_duplicate', 'reopen')),
    promotion_key text,
    amount numeric(19, 4) NOT NULL,
    currency text,
    status text NOT NULL CHECK (status IN (
        'applied', 'refused', 'waiting_for_approval', 'waiting_for_period')),
    why text NOT NULL,
    reason text NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL,
    approved_by text,
    approved_at timestamptz,
    journal_ids uuid[] NOT NULL,
    as_of date NOT NULL,
    run_id text NOT NULL,
    rule_version text NOT NULL,
    input_hash text NOT NULL,
    PRIMARY KEY (tenant_id, decision_key, content_hash, revision),
    CHECK (status <> 'applied' OR claim_id IS NOT NULL),
    CHECK (status = 'applied' OR journal_ids = '{}')
);
COMMENT ON TABLE finance.claim_decisions IS
    'One row per answer to a decision of a person: applied with the journals it posted, refused with the reason, or waiting. A decision that waited has several answers (revision); the same key with other content is a decision of its own (content_hash), and refused. finance.decision_status shows the latest answers.';
CREATE INDEX claim_decisions_by_claim ON finance.claim_decisions (tenant_id, claim_id);

CREATE TABLE finance.posted_rows (
    tenant_id text NOT NULL,
    contract text NOT NULL,
    row_key text NOT NULL,
    content jsonb NOT NULL,
    posted_by text NOT NULL,
    posted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, contract, row_key)
);
COMMENT ON TABLE finance.posted_rows IS
    'One row of a contract that a person posted through the API, checked as a row of a file is. posted_by is who was logged in; content never says who.';

CREATE TABLE finance.posted_approvals (
    tenant_id text NOT NULL,
    contract text NOT NULL,
    row_key text NOT NULL,
    approved_by text NOT NULL,
    approved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, contract, row_key, approved_by)
);
COMMENT ON TABLE finance.posted_approvals IS
    'One row per decision and person who approved it through the API; whether the approval counts is the engine''s answer.';

DO $append_only$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['claim_decisions', 'posted_rows', 'posted_approvals'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON finance.%I
            FOR EACH ROW EXECUTE FUNCTION finance.refuse_change()', relation);
        EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON finance.%I
            FOR EACH STATEMENT EXECUTE FUNCTION finance.refuse_change()', relation);
        EXECUTE format('ALTER TABLE finance.%I ENABLE ALWAYS TRIGGER append_only', relation);
        EXECUTE format('ALTER TABLE finance.%I ENABLE ALWAYS TRIGGER append_only_truncate', relation);
    END LOOP;
END
$append_only$;

GRANT INSERT ON finance.claim_decisions, finance.posted_rows, finance.posted_approvals TO tw_engine;
