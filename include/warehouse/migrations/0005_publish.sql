-- The outbox of what was and is to be sent, receipts of every publish, and what destinations refused.

CREATE TABLE publish.ledger (
    tenant_id text NOT NULL,
    idem_key text NOT NULL,
    destination text NOT NULL,
    object text NOT NULL,
    business_key text NOT NULL,
    generation bigint NOT NULL CHECK (generation >= 1),
    operation text NOT NULL CHECK (operation IN ('upsert', 'delete')),
    content_sha256 text NOT NULL,
    payload jsonb NOT NULL,
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'sending', 'confirmed', 'rejected', 'unknown')),
    attempt integer NOT NULL DEFAULT 0,
    claim_token bigint,
    external_id text,
    last_error text,
    run_id text NOT NULL,
    planned_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz,
    PRIMARY KEY (tenant_id, idem_key),
    UNIQUE (tenant_id, destination, object, business_key, generation)
);
COMMENT ON TABLE publish.ledger IS
    'One row sent or to be sent. idem_key = sha256(tenant|destination|object|key|generation|content); going back to an earlier content is a new generation (C54).';

CREATE TABLE publish.receipts (
    tenant_id text NOT NULL,
    receipt_id uuid NOT NULL,
    export text NOT NULL,
    target text NOT NULL,
    object text NOT NULL,
    mode text NOT NULL,
    dry_run boolean NOT NULL,
    period text,
    as_of date NOT NULL,
    created bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    deleted bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    payload_sha256 text NOT NULL,
    payload_path text,
    remote_ids jsonb NOT NULL DEFAULT '[]',
    verification jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL CHECK (status IN ('planned', 'published', 'unchanged', 'rejected', 'failed')),
    run_id text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, receipt_id)
);
COMMENT ON TABLE publish.receipts IS 'One publish of one export to one target, dry runs included.';
CREATE INDEX receipts_by_export ON publish.receipts (tenant_id, export, ended_at);

CREATE TABLE publish.rejects (
    tenant_id text NOT NULL,
    receipt_id uuid NOT NULL,
    business_key text NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    payload jsonb NOT NULL,
    run_id text NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, receipt_id, business_key)
);
COMMENT ON TABLE publish.rejects IS 'A record a destination refused, with its reason.';

GRANT INSERT, UPDATE ON publish.ledger TO tw_engine;
GRANT INSERT ON publish.receipts, publish.rejects TO tw_engine;
