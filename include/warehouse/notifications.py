"""What a person was told, once per event."""

from __future__ import annotations

from include.warehouse.session import Warehouse


def record(wh: Warehouse, *, key: str, subject: str, body: str, tenant: str = "system") -> bool:
    """Store a notification; False when one with this key was stored before (nothing more is to be sent)."""
    with wh.engine(tenant) as conn:
        return (
            conn.execute(
                "INSERT INTO ops.notifications (tenant_id, notification_key, subject, body)"
                " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (tenant, key, subject, body),
            ).rowcount
            == 1
        )
