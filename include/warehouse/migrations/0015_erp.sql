-- Our journals in the ERP: which of them are to be posted there, and what it answered.

CREATE TABLE finance.erp_answers (
    tenant_id text NOT NULL,
    journal_id uuid NOT NULL,
    channel text NOT NULL,
    answer_number bigint NOT NULL CHECK (answer_number >= 1),
    answer text NOT NULL CHECK (answer IN ('confirmed', 'refused', 'differs')),
    external_id text,
    message text,
    effect text NOT NULL CHECK (effect IN (
        'settlement posted', 'promotion committed', 'promotion failed', 'question', 'recorded')),
    reversing_journal_id uuid,
    as_of date NOT NULL,
    run_id text NOT NULL,
    rule_version text NOT NULL,
    input_hash text NOT NULL,
    PRIMARY KEY (tenant_id, journal_id, channel, answer_number),
    FOREIGN KEY (tenant_id, journal_id) REFERENCES finance.journals,
    FOREIGN KEY (tenant_id, reversing_journal_id) REFERENCES finance.journals,
    CHECK (answer = 'confirmed' OR message IS NOT NULL),
    CHECK ((effect = 'promotion failed') = (reversing_journal_id IS NOT NULL))
);
COMMENT ON TABLE finance.erp_answers IS
    'One row per answer of an ERP to one of our journals, and what it changed here. channel = the destination that was asked, or gl_journal_lines (the ERP''s own ledger shows our journal), or erp_ledger (the ERP booked it before we did). answer_number counts what was sent of the journal.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON finance.erp_answers
    FOR EACH ROW EXECUTE FUNCTION finance.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON finance.erp_answers
    FOR EACH STATEMENT EXECUTE FUNCTION finance.refuse_change();
ALTER TABLE finance.erp_answers ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE finance.erp_answers ENABLE ALWAYS TRIGGER append_only_truncate;
GRANT INSERT ON finance.erp_answers TO tw_engine;

CREATE VIEW finance.erp_postings WITH (security_invoker = true) AS
SELECT
    j.tenant_id,
    j.journal_id,
    j.event,
    j.posting_date,
    j.promotion_key,
    j.claim_id,
    j.as_of,
    CASE
        WHEN j.event = 'ACCRUAL_REFUSED' OR refused.journal_id IS NOT NULL THEN 'withdrawn'
        WHEN j.posted_by = 'erp' THEN 'erp'
        WHEN j.event = 'ACCRUAL' AND j.original_posting_date < s.cutover_date AND j.as_of = s.as_of THEN 'opening'
        ELSE 'post'
    END AS route
FROM finance.journals j
LEFT JOIN finance.ledger_start s ON s.tenant_id = j.tenant_id
LEFT JOIN finance.erp_answers refused
    ON refused.tenant_id = j.tenant_id AND refused.journal_id = j.journal_id
    AND refused.reversing_journal_id IS NOT NULL
WHERE j.status = 'Posted';
COMMENT ON VIEW finance.erp_postings IS
    'One row per posted journal and how it gets into the ERP: post = we post it; erp = the ERP booked it first, ours is the copy; opening = an opening balance at cut-over, in the ERP''s books already; withdrawn = an accrual the ERP refused, with its reversal.';

ALTER TABLE publish.receipts DROP CONSTRAINT receipts_status_check;
ALTER TABLE publish.receipts ADD CONSTRAINT receipts_status_check
    CHECK (status IN ('planned', 'published', 'unchanged', 'rejected', 'failed', 'skipped'));
