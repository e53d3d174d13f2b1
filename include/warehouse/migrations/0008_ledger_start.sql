-- Where a tenant's trade sub-ledger begins: decided once, by its first run.

CREATE TABLE finance.ledger_start (
    tenant_id text PRIMARY KEY,
    cutover_date date,
    as_of date NOT NULL,
    run_id text NOT NULL
);
COMMENT ON TABLE finance.ledger_start IS
    'One row per tenant: its first run. cutover_date is set when the books were closed up to the present by then: approvals before it that the first run finds are opening balances, dated cutover_date, and no posting to a closed period.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON finance.ledger_start
    FOR EACH ROW EXECUTE FUNCTION finance.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON finance.ledger_start
    FOR EACH STATEMENT EXECUTE FUNCTION finance.refuse_change();
ALTER TABLE finance.ledger_start ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE finance.ledger_start ENABLE ALWAYS TRIGGER append_only_truncate;

GRANT INSERT ON finance.ledger_start TO tw_engine;
