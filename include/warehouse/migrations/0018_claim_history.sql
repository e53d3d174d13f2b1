-- What every claim was at the end of each business date it changed on: the answer of that day, to be given again.

CREATE TABLE finance.claim_history (LIKE finance.claims);
ALTER TABLE finance.claim_history ADD PRIMARY KEY (tenant_id, claim_id, as_of);
COMMENT ON TABLE finance.claim_history IS
    'One row per claim and business date on which it changed: its row of finance.claims when that date''s work was done. The columns are those of finance.claims in their order; a migration that adds one there adds it here.';

CREATE FUNCTION finance.keep_claim_history() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - ARRAY['as_of', 'run_id', 'rule_version', 'input_hash']
        = to_jsonb(NEW) - ARRAY['as_of', 'run_id', 'rule_version', 'input_hash'] THEN
        RETURN NULL;
    END IF;
    DELETE FROM finance.claim_history h
        WHERE h.tenant_id = NEW.tenant_id AND h.claim_id = NEW.claim_id AND h.as_of = NEW.as_of;
    INSERT INTO finance.claim_history SELECT NEW.*;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_history AFTER INSERT OR UPDATE ON finance.claims
    FOR EACH ROW EXECUTE FUNCTION finance.keep_claim_history();

INSERT INTO finance.claim_history SELECT * FROM finance.claims;

GRANT INSERT, DELETE ON finance.claim_history TO tw_engine;
