"""Single records and collections of up to 200, by Id or by external id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response

from include.sandbox.vendors.salesforce.org import Org, Outcome
from include.sandbox.vendors.salesforce.schema import FieldError, SObject
from include.sandbox.vendors.salesforce.service import MESSAGES, Call, Handler

COLLECTION_LIMIT = 200


def routes() -> list[tuple[str, str, Handler]]:
    """(method, path, handler) of single records and collections."""
    return [
        ("POST", "/sobjects/{object}", _create),
        ("GET", "/sobjects/{object}/{id}", _get),
        ("PATCH", "/sobjects/{object}/{id}", _update),
        ("DELETE", "/sobjects/{object}/{id}", _delete),
        ("GET", "/sobjects/{object}/{field}/{value}", _get),
        ("PATCH", "/sobjects/{object}/{field}/{value}", _upsert),
        ("PATCH", "/composite/sobjects/{object}/{field}", _upsert_collection),
    ]


def sobject_of(call: Call) -> SObject:
    """The object named in the path."""
    return call.org.sobject(call.request.path_params["object"])


def render(record: dict[str, Any], sobject: str, base: str, fields: tuple[str, ...]) -> dict[str, Any]:
    """A record as a query or a read shows it."""
    attributes = {"type": sobject, "url": f"{base}/sobjects/{sobject}/{record['Id']}"}
    return {"attributes": attributes, **{name: record.get(name) for name in fields}}


def _get(call: Call) -> JSONResponse:
    sobject, path = sobject_of(call), call.request.path_params
    if "field" in path:
        record = call.org.find(sobject, sobject.external_id(path["field"]), path["value"])
    else:
        record = call.org.get(sobject.name, path["id"])
    if record is None:
        raise FieldError("NOT_FOUND", MESSAGES[404][1])
    asked = call.request.query_params.get("fields")
    names = tuple(sobject.field(name).name for name in asked.split(",")) if asked else tuple(sobject.fields)
    return JSONResponse(render(record, sobject.name, call.base, names))


def _values(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise FieldError("JSON_PARSER_ERROR", "Cannot deserialize instance of sobject")
    return {name: value for name, value in document.items() if name != "attributes"}


def _create(call: Call) -> Response:
    outcome = call.org.write(sobject_of(call), None, _values(call.document()))
    return _single(outcome, 201)


def _update(call: Call) -> Response:
    outcome = call.org.write(sobject_of(call), call.request.path_params["id"], _values(call.document()))
    return _single(outcome, 204)


def _delete(call: Call) -> Response:
    return _single(call.org.delete(sobject_of(call), call.request.path_params["id"]), 204)


def _upsert(call: Call) -> Response:
    sobject, path = sobject_of(call), call.request.path_params
    outcome = call.org.upsert(
        sobject, sobject.external_id(path["field"]), path["value"], _values(call.document())
    )
    return _single(outcome, 201 if outcome.created else 200)


def _single(outcome: Outcome, status: int) -> Response:
    if outcome.error:
        raise outcome.error
    return Response(status_code=204) if status == 204 else JSONResponse(outcome.as_document(), status)


def _upsert_collection(call: Call) -> JSONResponse:
    """At most 200 records, answered one by one; with allOrNone a refused record takes all others back."""
    sobject = sobject_of(call)
    field = sobject.external_id(call.request.path_params["field"])
    document = call.document()
    records = document.get("records") if isinstance(document, dict) else None
    if not isinstance(records, list) or not records or len(records) > COLLECTION_LIMIT:
        raise FieldError("LIMIT_EXCEEDED", f"records must hold 1 to {COLLECTION_LIMIT} records")
    outcomes = write_all(
        call.org,
        [_values(record) for record in records],
        lambda values: call.org.upsert(sobject, field, values.pop(field.name, None), values),
        key=field.name,
        all_or_none=bool(document.get("allOrNone")),
        rejected=call.fault("reject_rows"),
    )
    return JSONResponse([outcome.as_document() for outcome in outcomes])


def write_all(
    org: Org,
    rows: list[dict[str, Any]],
    write: Callable[[dict[str, Any]], Outcome],
    *,
    key: str | None = None,
    all_or_none: bool = False,
    rejected: dict[str, Any] | None = None,
) -> list[Outcome]:
    """Write rows in one transaction and return their outcomes in order.

    A row whose external id `key` occurs twice in the request is refused everywhere it occurs. The first `failed`
    rows are refused where the fault `reject_rows` says so.
    """
    named = [str(row[key]).lower() if key and row.get(key) is not None else None for row in rows]
    uses = Counter(named)
    refused = FieldError(
        (rejected or {}).get("code", "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        (rejected or {}).get("message", "refused by a validation rule of the sandbox"),
    )
    outcomes = []
    try:
        with org.lock, org.store.transaction():
            for position, row in enumerate(rows):
                if position < int((rejected or {}).get("failed", 0)):
                    outcomes.append(Outcome(None, error=refused))
                elif named[position] is not None and uses[named[position]] > 1:
                    error = FieldError(
                        "DUPLICATE_VALUE", f"Duplicate external id specified: {row[key]}", (key,)
                    )
                    outcomes.append(Outcome(None, error=error))
                else:
                    outcomes.append(write(dict(row)))
            if all_or_none and any(outcome.error for outcome in outcomes):
                raise _TakenBackError
    except _TakenBackError:
        org.forget_unsaved()
        undone = FieldError(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using AllOrNone header",
        )
        return [outcome if outcome.error else Outcome(None, error=undone) for outcome in outcomes]
    except BaseException:
        org.forget_unsaved()
        raise
    return outcomes


class _TakenBackError(Exception):
    """Ends the transaction of an allOrNone request."""
