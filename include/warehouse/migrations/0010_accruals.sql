-- Accruals by every method side by side, the commercial status as the ledger followed it, and what was agreed at
-- approval. The history of the financial life cycle makes a fund's checkbook true for any past date.

ALTER TABLE finance.promotion_state
    ADD COLUMN approved_amount numeric(19, 4),
    ADD COLUMN approved_date date,
    ADD COLUMN refused_by text CHECK (refused_by IN ('closed_period', 'fund', 'erp'));
COMMENT ON COLUMN finance.promotion_state.approved_amount IS
    'The plan that was agreed; a later one adjusts the accrual, or is asked about (rule on_plan_change).';
COMMENT ON COLUMN finance.promotion_state.refused_by IS
    'Who refused a Failed one: the closed period, the fund it would overspend, or the ERP.';
UPDATE finance.promotion_state SET refused_by = 'closed_period' WHERE lifecycle_status = 'Failed';

CREATE TABLE finance.promotion_state_history (
    tenant_id text NOT NULL,
    promotion_key text NOT NULL,
    sequence integer NOT NULL CHECK (sequence >= 1),
    lifecycle_status text NOT NULL,
    message text,
    as_of date NOT NULL,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, promotion_key, sequence)
);
COMMENT ON TABLE finance.promotion_state_history IS
    'One row per change of a promotion''s financial life cycle, written by a trigger, so that no writer can forget it.';

INSERT INTO finance.promotion_state_history
    SELECT tenant_id, promotion_key, 1, lifecycle_status, message, coalesce(accrual_date, as_of), run_id
    FROM finance.promotion_state;

CREATE FUNCTION finance.keep_state_history() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog
    AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.lifecycle_status <> OLD.lifecycle_status THEN
        INSERT INTO finance.promotion_state_history
            SELECT NEW.tenant_id, NEW.promotion_key, coalesce(max(h.sequence), 0) + 1, NEW.lifecycle_status,
                NEW.message, NEW.as_of, NEW.run_id
            FROM finance.promotion_state_history h
            WHERE h.tenant_id = NEW.tenant_id AND h.promotion_key = NEW.promotion_key;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_history AFTER INSERT OR UPDATE ON finance.promotion_state
    FOR EACH ROW EXECUTE FUNCTION finance.keep_state_history();

CREATE TABLE finance.status_moves (
    tenant_id text NOT NULL,
    promotion_key text NOT NULL,
    sequence integer NOT NULL CHECK (sequence >= 1),
    from_status text,
    to_status text NOT NULL,
    is_legal boolean NOT NULL,
    moved_on date NOT NULL,
    as_of date NOT NULL,
    run_id text NOT NULL,
    rule_version text NOT NULL,
    input_hash text NOT NULL,
    PRIMARY KEY (tenant_id, promotion_key, sequence),
    CHECK ((sequence = 1) = (from_status IS NULL))
);
COMMENT ON TABLE finance.status_moves IS
    'One row per move of a promotion''s commercial status as reconcile saw it. One that is not legal moved no money: the promotion stayed in from_status.';

CREATE TABLE finance.accrual_methods (
    tenant_id text NOT NULL,
    promotion_key text NOT NULL,
    accrual_method text NOT NULL,
    amount numeric(19, 4) NOT NULL,
    currency text NOT NULL,
    is_applied boolean NOT NULL,
    units numeric(19, 4),
    accrual_factor numeric(9, 6),
    as_of date NOT NULL,
    run_id text NOT NULL,
    rule_version text NOT NULL,
    input_hash text NOT NULL,
    PRIMARY KEY (tenant_id, promotion_key, accrual_method)
);
COMMENT ON TABLE finance.accrual_methods IS
    'One row per promotion and accrual method: what it would have recognised in all, as it stands since as_of. is_applied marks the one that is posted. accrual_factor is the share of shipments that counts after a forward buy.';

DO $append_only$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['promotion_state_history', 'status_moves'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON finance.%I
            FOR EACH ROW EXECUTE FUNCTION finance.refuse_change()', relation);
        EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON finance.%I
            FOR EACH STATEMENT EXECUTE FUNCTION finance.refuse_change()', relation);
        EXECUTE format('ALTER TABLE finance.%I ENABLE ALWAYS TRIGGER append_only', relation);
        EXECUTE format('ALTER TABLE finance.%I ENABLE ALWAYS TRIGGER append_only_truncate', relation);
    END LOOP;
END
$append_only$;

GRANT INSERT ON finance.promotion_state_history, finance.status_moves TO tw_engine;
GRANT INSERT, UPDATE ON finance.accrual_methods TO tw_engine;
