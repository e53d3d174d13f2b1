-- What a person was told: failures, deadlines, published results. The key makes telling twice telling once.

CREATE TABLE ops.notifications (
    tenant_id text NOT NULL DEFAULT 'system',
    notification_key text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    notified_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, notification_key)
);

GRANT INSERT ON ops.notifications TO tw_engine, tw_pipeline;
