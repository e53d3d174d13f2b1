-- What every load did, what it refused, how far it read, and what the arrival gates said.
-- The landing tables themselves are made from the streams by include/extract/landing.py.

CREATE TABLE staging.loads (
    tenant_id text NOT NULL,
    run_id text NOT NULL,
    source text NOT NULL,
    stream text NOT NULL,
    file text NOT NULL DEFAULT '',
    status text NOT NULL CHECK (status IN ('loaded', 'refused')),
    rows_read bigint NOT NULL,
    rows_loaded bigint NOT NULL,
    rows_unchanged bigint NOT NULL,
    rows_superseded bigint NOT NULL,
    rows_rejected bigint NOT NULL,
    amount_read numeric,
    amount_loaded numeric,
    amount_unchanged numeric,
    amount_rejected numeric,
    drift jsonb NOT NULL DEFAULT '{}',
    content_sha256 text,
    is_incremental boolean NOT NULL DEFAULT false,
    message text,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, run_id, source, stream, file),
    -- Conservation: what was read is loaded, unchanged or rejected, in rows and in money.
    CONSTRAINT loads_rows_conserve CHECK (rows_read = rows_loaded + rows_unchanged + rows_rejected),
    CONSTRAINT loads_amount_conserves CHECK (
        amount_read IS NULL OR amount_read = amount_loaded + amount_unchanged + amount_rejected)
);
CREATE INDEX loads_by_stream ON staging.loads (tenant_id, source, stream, ended_at);
COMMENT ON TABLE staging.loads IS
    'One load of one file or stream. Amounts sum the stream''s amount column over the rows where it could be read; rows_superseded counts older versions that ended.';

CREATE TABLE staging.rejects (
    tenant_id text NOT NULL,
    source text NOT NULL,
    stream text NOT NULL,
    file text NOT NULL DEFAULT '',
    row_number bigint,
    column_name text,
    found text,
    expected text NOT NULL,
    reason text NOT NULL,
    raw_row jsonb,
    run_id text NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX rejects_by_file ON staging.rejects (tenant_id, source, stream, file);
COMMENT ON TABLE staging.rejects IS
    'One refused input row (row_number null: the whole file). Open findings only: the same file delivered again replaces its own.';

CREATE TABLE staging.watermarks (
    tenant_id text NOT NULL,
    source text NOT NULL,
    stream text NOT NULL,
    watermark timestamptz NOT NULL,
    run_id text NOT NULL,
    PRIMARY KEY (tenant_id, source, stream)
);
COMMENT ON TABLE staging.watermarks IS 'How far a stream was read; committed together with the rows.';

CREATE TABLE staging.gate_results (
    tenant_id text NOT NULL,
    run_id text NOT NULL,
    source text NOT NULL,
    stream text NOT NULL,
    expectation text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('critical', 'warning')),
    is_met boolean NOT NULL,
    observed text,
    checked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, run_id, source, stream, expectation)
);
COMMENT ON TABLE staging.gate_results IS 'One expectation on one arrived stream, as the gate saw it.';

GRANT INSERT, UPDATE, DELETE ON staging.loads, staging.rejects, staging.watermarks, staging.gate_results
    TO tw_pipeline;
