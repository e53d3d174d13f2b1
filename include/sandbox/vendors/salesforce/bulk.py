"""Bulk API 2.0: query jobs with locator pages, ingest jobs with their three result files."""

from __future__ import annotations

import base64
import csv
import io
import secrets
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from include.sandbox.vendors.salesforce import soql
from include.sandbox.vendors.salesforce.org import Outcome
from include.sandbox.vendors.salesforce.records import write_all
from include.sandbox.vendors.salesforce.schema import FieldError, SObject
from include.sandbox.vendors.salesforce.service import Call

MAX_UPLOAD = 150 * 1024 * 1024
DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
RESULTS = {name.lower(): name for name in ("successfulResults", "failedResults", "unprocessedRecords")}


def routes() -> list[tuple[str, str, Any]]:
    """(method, path, handler) of the job resources."""
    return [
        ("POST", "/jobs/query", _create_query),
        ("GET", "/jobs/query/{job}", _query_job),
        ("PATCH", "/jobs/query/{job}", _query_job),
        ("DELETE", "/jobs/query/{job}", _delete_job),
        ("GET", "/jobs/query/{job}/results", _query_results),
        ("GET", "/jobs/ingest", _ingest_jobs),
        ("POST", "/jobs/ingest", _create_ingest),
        ("GET", "/jobs/ingest/{job}", _ingest_job),
        ("PATCH", "/jobs/ingest/{job}", _change_ingest),
        ("DELETE", "/jobs/ingest/{job}", _delete_job),
        ("PUT", "/jobs/ingest/{job}/batches", _upload),
        ("GET", "/jobs/ingest/{job}/{results}", _ingest_results),
    ]


def _new_job(call: Call, prefix: str, **facts: Any) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return {
        "id": f"750{secrets.token_hex(6).upper()}AAA",
        "createdDate": now,
        "systemModstamp": now,
        "createdById": "005SBX000000001AAA",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(call.base.rpartition("/v")[2]),
        "jobType": prefix,
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
        "retries": 0,
        "numberRecordsProcessed": 0,
        **facts,
    }


def _create_query(call: Call) -> JSONResponse:
    asked = call.document()
    if asked.get("operation") not in ("query", "queryAll"):
        raise FieldError("INVALIDOPERATION", "operation must be query or queryAll")
    query = soql.parse(asked.get("query", ""), call.org.objects())
    if query.counts is not None:
        raise FieldError("API_ERROR", "Aggregate queries are not supported by Bulk API 2.0")
    records = query.run(call.org.records(query.sobject.name, with_deleted=asked["operation"] == "queryAll"))
    rows = [list(query.fields), *([as_csv(record.get(name)) for name in query.fields] for record in records)]
    job = _new_job(
        call, "V2Query", operation=asked["operation"], object=query.sobject.name, state="UploadComplete"
    )
    job["columnDelimiter"] = asked.get("columnDelimiter", "COMMA")
    call.service.sessions.keep_results(job["id"], rows)
    call.org.store.put(call.org.space, "job", job["id"], job | {"done": len(records)})
    return JSONResponse(job)


def _query_job(call: Call) -> JSONResponse:
    job = _job(call)
    job |= {"state": "JobComplete", "numberRecordsProcessed": job.pop("done")}
    return JSONResponse(job)


def _query_results(call: Call) -> Response:
    """One page of CSV; the header row is repeated on every page, the locator `null` ends the walk."""
    job = _job(call)
    rows = call.service.sessions.results(job["id"])
    if rows is None:
        raise FieldError("NOT_FOUND", "The results of this job are no longer available")
    params = call.request.query_params
    limit = max(int(params.get("maxRecords", "50000")), 1)
    start = _locator_position(params.get("locator"))
    page = rows[1 + start : 1 + start + limit]
    following = start + len(page)
    locator = base64.b64encode(str(following).encode()).decode() if following < len(rows) - 1 else "null"
    text = _as_text([rows[0], *page], DELIMITERS[job["columnDelimiter"]])
    return Response(
        text,
        media_type="text/csv",
        headers={"Sforce-Locator": locator, "Sforce-NumberOfRecords": str(len(page))},
    )


def _locator_position(locator: str | None) -> int:
    try:
        return int(base64.b64decode(locator)) if locator and locator != "null" else 0
    except ValueError:
        raise FieldError("INVALID_LOCATOR", "The locator is invalid") from None


def _create_ingest(call: Call) -> JSONResponse:
    asked = call.document()
    sobject = call.org.sobject(asked.get("object", ""))
    operation = asked.get("operation")
    if operation not in ("insert", "update", "upsert", "delete", "hardDelete"):
        raise FieldError("INVALIDJOB", "operation must be insert, update, upsert, delete or hardDelete")
    if asked.get("columnDelimiter", "COMMA") not in DELIMITERS:
        raise FieldError("INVALIDJOB", "unknown columnDelimiter")
    job = _new_job(call, "V2Ingest", operation=operation, object=sobject.name, state="Open")
    job |= {name: asked[name] for name in ("columnDelimiter", "lineEnding") if name in asked}
    if operation == "upsert":
        job["externalIdFieldName"] = sobject.external_id(asked.get("externalIdFieldName", "")).name
    job |= {
        "contentUrl": f"{call.base.lstrip('/')}/jobs/ingest/{job['id']}/batches",
        "numberRecordsFailed": 0,
    }
    _save(call, job)
    return JSONResponse(job)


def _upload(call: Call) -> Response:
    job = _job(call)
    if job["state"] != "Open" or job.get("uploaded"):
        raise FieldError("INVALIDJOBSTATE", "This job already has content, or is no longer open")
    if len(call.body) > MAX_UPLOAD:
        raise FieldError("CLIENTINPUTERROR", "The upload is larger than 150 MB")
    upload = call.service.context.store.blob(f"bulk-{job['id']}")
    upload.write_bytes(call.body)
    _save(call, job | {"uploaded": True})
    return Response(status_code=201)


def _change_ingest(call: Call) -> JSONResponse:
    job, state = _job(call), call.document().get("state")
    if state == "Aborted":
        _save(call, job | {"state": "Aborted"})
    elif state == "UploadComplete" and job["state"] == "Open" and job.get("uploaded"):
        _process(call, job)
    else:
        raise FieldError("INVALIDJOBSTATE", f"a job in state {job['state']} cannot become {state}")
    # The vendor answers before it works; the outcome is read by polling.
    return JSONResponse(_shown(job | {"state": state}))


def _process(call: Call, job: dict[str, Any]) -> None:
    sobject = call.org.sobject(job["object"])
    content = call.service.context.store.blob(f"bulk-{job['id']}").read_text(encoding="utf-8-sig")
    reader = csv.DictReader(io.StringIO(content, newline=""), delimiter=DELIMITERS[job["columnDelimiter"]])
    columns, rows = list(reader.fieldnames or []), list(reader)
    fault = call.fault("reject_rows") or {}
    try:
        for column in columns:
            sobject.field(column)
    except FieldError as error:
        message = f"InvalidBatch : Field name not found : {error.fields[0]}"
        results = {
            "columns": columns,
            "successfulResults": [],
            "failedResults": [],
            "unprocessedRecords": rows,
        }
        call.org.store.put(call.org.space, "job_results", job["id"], results)
        _save(call, job | {"state": "Failed", "errorMessage": message})
        return
    kept_back = int(fault.get("unprocessed", 0))
    handled, unprocessed = (rows[:-kept_back], rows[-kept_back:]) if kept_back else (rows, [])
    outcomes = _write(call, job, sobject, handled, fault)
    pairs = list(zip(handled, outcomes, strict=True))
    results = {
        "columns": columns,
        "successfulResults": [
            {"sf__Id": outcome.id, "sf__Created": str(outcome.created).lower(), **row}
            for row, outcome in pairs
            if not outcome.error
        ],
        "failedResults": [
            {"sf__Id": "", "sf__Error": _error_text(outcome.error), **row}
            for row, outcome in pairs
            if outcome.error
        ],
        "unprocessedRecords": unprocessed,
    }
    call.org.store.put(call.org.space, "job_results", job["id"], results)
    failed = len(results["failedResults"])
    _save(
        call,
        job
        | {"state": fault.get("state", "JobComplete"), "numberRecordsProcessed": len(handled)}
        | {"numberRecordsFailed": failed, "totalProcessingTime": 1},
    )


def _write(call: Call, job: dict, sobject: SObject, rows: list[dict], fault: dict[str, Any]) -> list[Outcome]:
    operation, org = job["operation"], call.org
    if operation == "upsert":
        field = sobject.external_id(job["externalIdFieldName"])
        return write_all(
            org,
            rows,
            lambda row: org.upsert(sobject, field, row.pop(field.name, None), _cells(row)),
            key=field.name,
            rejected=fault,
        )
    if operation == "insert":
        return write_all(org, rows, lambda row: org.write(sobject, None, _cells(row)), rejected=fault)
    if operation == "update":
        return write_all(
            org, rows, lambda row: org.write(sobject, row.pop("Id", "") or "", _cells(row)), rejected=fault
        )
    return write_all(org, rows, lambda row: org.delete(sobject, row.get("Id") or ""), rejected=fault)


def _cells(row: dict[str, str]) -> dict[str, Any]:
    """CSV cells as values: an empty cell leaves the field as it is, `#N/A` empties it."""
    return {name: None if text == "#N/A" else text for name, text in row.items() if text}


def _ingest_results(call: Call) -> Response:
    job, kind = _job(call), RESULTS.get(call.request.path_params["results"].lower())
    if kind is None:
        raise FieldError("NOT_FOUND", "The requested resource does not exist")
    found = call.org.store.get(call.org.space, "job_results", job["id"]) or {"columns": []}
    extra = {"successfulResults": ["sf__Id", "sf__Created"], "failedResults": ["sf__Id", "sf__Error"]}.get(
        kind, []
    )
    columns = [*extra, *found["columns"]]
    rows = [[row.get(column) or "" for column in columns] for row in found.get(kind, [])]
    return Response(_as_text([columns, *rows], DELIMITERS[job["columnDelimiter"]]), media_type="text/csv")


def _ingest_job(call: Call) -> JSONResponse:
    return JSONResponse(_shown(_job(call)))


def _ingest_jobs(call: Call) -> JSONResponse:
    jobs = call.org.store.every(call.org.space, "job").values()
    listed = [_shown(job) for job in jobs if job["jobType"] == "V2Ingest"]
    return JSONResponse({"done": True, "nextRecordsUrl": None, "records": listed})


def _delete_job(call: Call) -> Response:
    job = _job(call)
    call.org.store.delete(call.org.space, "job", job["id"])
    call.org.store.delete(call.org.space, "job_results", job["id"])
    call.service.context.store.blob(f"bulk-{job['id']}").unlink(missing_ok=True)
    return Response(status_code=204)


def _job(call: Call) -> dict[str, Any]:
    job = call.org.store.get(call.org.space, "job", call.request.path_params["job"])
    if job is None:
        raise FieldError("NOT_FOUND", "Unable to find a job with this id")
    return job


def _save(call: Call, job: dict[str, Any]) -> None:
    call.org.store.put(call.org.space, "job", job["id"], job)


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in job.items() if name != "uploaded"}


def _error_text(error: FieldError) -> str:
    return f"{error.code}:{error.message}:{' '.join(error.fields)} --"


def as_csv(value: Any) -> str:
    """A stored value as a bulk result shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text.replace("+0000", "Z") if text.endswith("+0000") and "T" in text else text


def _as_text(rows: list[list[str]], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return out.getvalue()
