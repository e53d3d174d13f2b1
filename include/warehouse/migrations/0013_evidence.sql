-- The accounts a promotion is booked to, decided once by its first posting: what was accrued on an account is reversed
-- and released there, whatever the plan says later. Promotions posted before this table get their row with the next posting.

CREATE TABLE finance.promotion_accounts (
    tenant_id text NOT NULL,
    promotion_key text NOT NULL,
    expense_account_code text NOT NULL,
    accrued_account_code text NOT NULL,
    as_of date NOT NULL,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, promotion_key)
);
COMMENT ON TABLE finance.promotion_accounts IS
    'One row per promotion with a posting: the expense and the liability account of all its journals.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON finance.promotion_accounts
    FOR EACH ROW EXECUTE FUNCTION finance.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON finance.promotion_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION finance.refuse_change();
ALTER TABLE finance.promotion_accounts ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE finance.promotion_accounts ENABLE ALWAYS TRIGGER append_only_truncate;

GRANT INSERT ON finance.promotion_accounts TO tw_engine;
