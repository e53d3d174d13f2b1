"""Decisions of people through Airflow's web server, behind its log-in: who decided is who is logged in.

- `POST /tradewind/api/{tenant}/{contract}`: one row of the contract (claim_decisions, period_decisions) as JSON, without who
  and when
- `POST /tradewind/api/{tenant}/{contract}/{key}/approval`: approve it in one's own name
- `GET  /tradewind/api/{tenant}/tasks`: what waits for a person

Posting needs the right to start the reconcile DAG, looking the right to see it; the tenant's own lists of people
(settings `deciders`, `approvers`) are asked when the decision is applied.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse

from include.errors import TradewindError
from include.extract.contracts import Contract
from include.extract.posted import RowRefused, postable
from include.flows import submit
from tradewind.connections import warehouse

LARGEST_BODY = 65_536
_STATUS = ((RowRefused, 422), (submit.NotFound, 404), (submit.Conflict, 409))
_MAY_LOOK = Depends(requires_access_dag("GET", param_dag_id="reconcile"))
_MAY_DECIDE = Depends(requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id="reconcile"))

app = FastAPI(title="Tradewind decisions", docs_url=None, redoc_url=None, openapi_url=None)


async def _row(request: Request) -> dict[str, Any]:
    """The body as a JSON object, its numbers as they were written."""
    body = await request.body()
    if len(body) > LARGEST_BODY:
        raise HTTPException(413, f"at most {LARGEST_BODY} bytes")
    try:
        row = json.loads(body, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise HTTPException(422, "the body is not JSON") from None
    if not isinstance(row, dict):
        raise HTTPException(422, "the body is not a JSON object with the contract's columns")
    return row


def _contract(contract: str) -> Contract:
    found = postable(contract)
    if found is None:
        raise HTTPException(404, f"rows of {contract} are not posted")
    return found


@app.exception_handler(TradewindError)
async def _refuse(_: Request, error: TradewindError) -> JSONResponse:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 503)
    detail = {
        "where": error.where,
        "column": getattr(error, "column", None),
        "expected": error.expected,
        "got": error.got,
        "remedy": error.remedy,
    }
    return JSONResponse({"detail": detail}, status_code=status)


@app.get("/{tenant}/tasks", dependencies=[_MAY_LOOK])
def tasks(tenant: str, limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000) -> list[dict[str, Any]]:
    """The open tasks of a tenant, the largest amounts first."""
    return submit.open_tasks(warehouse(), tenant, limit)


@app.post("/{tenant}/{contract}", status_code=201, dependencies=[_MAY_DECIDE])
def post(
    tenant: str,
    contract: Annotated[Contract, Depends(_contract)],
    row: Annotated[dict[str, Any], Depends(_row)],
    user: GetUserDep,
) -> dict[str, Any]:
    """Store one decision; it is applied by the next run of reconcile whose business date is not before it."""
    return _answer(submit.post_row(warehouse(), tenant, contract, row, user.get_name()))


@app.post("/{tenant}/{contract}/{key:path}/approval", status_code=201, dependencies=[_MAY_DECIDE])
def approve(
    tenant: str, contract: Annotated[Contract, Depends(_contract)], key: str, user: GetUserDep
) -> dict[str, Any]:
    """Approve a decision of somebody else."""
    return _answer(submit.approve_row(warehouse(), tenant, contract, key, user.get_name()))


def _answer(receipt: submit.Receipt) -> dict[str, Any]:
    return {"key": receipt.key, "by": receipt.by, "at": receipt.at.isoformat(), "is_new": receipt.is_new}
