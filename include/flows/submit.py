"""People's decisions through the API: a row of a contract posted, one approved, and what waits for a person.

Nothing is decided here. What is stored is applied by the next run of reconcile, under the tenant's controls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from include.errors import TradewindError
from include.extract.contracts import Contract
from include.extract.posted import checked_row
from include.reconcile.rules import same_person
from include.warehouse import submissions
from include.warehouse.session import Warehouse


class NotFound(TradewindError):
    """No such tenant, or no such row to approve."""


class Conflict(TradewindError):
    """What is stored says otherwise: another content under this key, or the decider approving."""


@dataclass(frozen=True)
class Receipt:
    """What is stored. `is_new` is false when the same was stored before."""

    key: str
    by: str
    at: datetime
    is_new: bool


def post_row(
    wh: Warehouse, tenant: str, contract: Contract, given: Mapping[str, object], who: str
) -> Receipt:
    """Store a posted row, once by its key; the same again is answered as before.

    Raises RowRefused for a row the contract refuses, Conflict for a key that is taken, NotFound for the tenant.
    """
    _require_tenant(wh, tenant)
    key, content = checked_row(contract, given, who, datetime.now(UTC))
    with wh.engine(tenant) as conn:
        is_new = submissions.insert_row(conn, tenant, contract.name, key, content, who)
        stored = submissions.read_row(conn, contract.name, key)
        by_file = submissions.is_in_files(conn, contract, key)
    if (stored.content, stored.by) != (content, who):
        raise _conflict(contract, key, f"{key} was posted before by {stored.by} with other content")
    if by_file and is_new:
        raise _conflict(contract, key, f"{key} came in a file before; this row is kept and will be refused")
    return Receipt(key, who, stored.at, is_new)


def approve_row(wh: Warehouse, tenant: str, contract: Contract, key: str, who: str) -> Receipt:
    """Approve a posted row or a file's row in one's own name; whether that is enough, the next run says.

    Raises NotFound when there is no such row or nothing to approve in its contract, Conflict when the approver is the
    decider.
    """
    _require_tenant(wh, tenant)
    if "approved_by" not in {column.name for column in contract.columns}:
        raise NotFound(
            where=contract.name,
            expected="a contract whose rows are approved",
            got="one whose rows stand as they are",
            remedy="post another decision instead",
        )
    with wh.engine(tenant) as conn:
        decider = submissions.decider_of(conn, contract, key)
        if decider is None:
            raise NotFound(
                where=f"{contract.name} of {tenant}",
                expected="a row that was posted or loaded",
                got=key,
                remedy="list the open tasks: a task that waits for approval names its decision_key",
            )
        if same_person(decider) == same_person(who):
            raise _conflict(contract, key, f"{who} decided it: who decides is not who approves")
        is_new, at = submissions.insert_approval(conn, tenant, contract.name, key, who)
    return Receipt(key, who, at, is_new)


def open_tasks(wh: Warehouse, tenant: str, limit: int) -> list[dict[str, object]]:
    """What waits for a person, the largest amounts first. Raises NotFound for the tenant."""
    _require_tenant(wh, tenant)
    with wh.engine(tenant) as conn:
        return submissions.read_tasks(conn, limit)


def _require_tenant(wh: Warehouse, tenant: str) -> None:
    with wh.pipeline() as conn:
        if not submissions.is_active(conn, tenant):
            raise NotFound(
                where="tenancy.tenants", expected="an active tenant", got=tenant, remedy="check the address"
            )


def _conflict(contract: Contract, key: str, got: str) -> Conflict:
    return Conflict(
        where=f"{contract.name} {key}", expected="a key of its own", got=got, remedy="post it under a new key"
    )
