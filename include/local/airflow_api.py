"""Airflow's REST API v2, as far as the local stand needs it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx

from include.errors import TradewindError
from include.local.ports import HOST

PAGE = 100


class Airflow:
    """A client of the local Airflow as its administrator. `trust_env` is off: no proxy stands between."""

    def __init__(self, port: int, password: str):
        self._http = httpx.Client(base_url=f"http://{HOST}:{port}", timeout=30, trust_env=False)
        self._password = password

    def unhealthy(self) -> list[str]:
        """Names of Airflow's parts that do not report health yet; `api-server` alone while it does not answer."""
        try:
            answer = self._http.get("/api/v2/monitor/health", timeout=5)
        except httpx.TransportError:
            return ["api-server"]
        if answer.status_code != 200:
            return ["api-server"]
        parts = answer.json()
        return [name for name, part in parts.items() if part and part.get("status") != "healthy"]

    def get(self, path: str, **params: Any) -> Any:
        """GET below /api/v2, as JSON."""
        return self._call(
            "GET", path, params={name: value for name, value in params.items() if value is not None}
        )

    def pages(self, path: str, field: str, **params: Any) -> Iterator[dict]:
        """Every element of a paged collection."""
        offset = 0
        while True:
            page = self.get(path, limit=PAGE, offset=offset, **params)
            yield from page[field]
            offset += len(page[field])
            if not page[field] or offset >= page["total_entries"]:
                return

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run with these params; returns its id. Params are checked by Airflow."""
        return self._call("POST", f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})[
            "dag_run_id"
        ]

    def pause(self, dag_id: str, paused: bool) -> None:
        """Pause or unpause a DAG."""
        self._call("PATCH", f"/dags/{dag_id}", json={"is_paused": paused})

    def fail_run(self, dag_id: str, run_id: str) -> None:
        """Mark a run failed, ending its tasks."""
        self._call("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", json={"state": "failed"})

    def ensure_pool(self, name: str, slots: int, description: str) -> None:
        """Make a pool when it is not there; its size stays what an operator made it."""
        pools = {pool["name"] for pool in self.pages("/pools", "pools")}
        if name not in pools:
            self._call("POST", "/pools", json={"name": name, "slots": slots, "description": description})

    def log_tail(self, task: dict, lines: int) -> list[str]:
        """The last lines of a task instance's newest attempt, markers of folded sections left out."""
        path = f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
        content = self.get(
            f"{path}/logs/{max(task['try_number'], 1)}", map_index=task["map_index"], full_content=True
        )
        entries = content.get("content", [])
        texts = "\n".join(map(_message, entries)) if isinstance(entries, list) else str(entries)
        return [line for line in texts.splitlines() if line.strip() and not line.startswith("::")][-lines:]

    def _call(self, method: str, path: str, **options: Any) -> Any:
        """One request, repeated while the server restarts, with a fresh token after a 401."""
        for attempt in range(8):
            try:
                answer = self._http.request(method, f"/api/v2{path}", **options)
                if answer.status_code == 401:
                    self._log_in()
                    continue
            except httpx.TransportError as error:
                problem = str(error)
            else:
                if answer.status_code < 400:
                    return answer.json() if answer.content else None
                problem = f"{answer.status_code} {answer.text[:400]}"
                if answer.status_code < 500:
                    break
            time.sleep(min(2**attempt, 10))
        raise TradewindError(
            where=f"Airflow {method} {path}",
            expected="success",
            got=problem,
            remedy="see logs/api-server.log",
        )

    def _log_in(self) -> None:
        answer = self._http.post("/auth/token", json={"username": "admin", "password": self._password})
        answer.raise_for_status()
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def _message(entry: dict | str) -> str:
    """A structured log entry as text; an exception's kind and words beside its message."""
    if isinstance(entry, str):
        return entry
    details = entry.get("error_detail") or []
    errors = [f"{error.get('exc_type')}: {error.get('exc_value')}" for error in details]
    return " | ".join([str(entry.get("event", "")), *errors])
