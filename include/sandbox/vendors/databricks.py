"""Databricks: one workspace per tenant at `<tenant>.cloud.databricks.com`, one-time runs and files in volumes.

Real facts kept on purpose: a submit whose idempotency token was used gives that run's id and starts nothing;
`get-output` asks for a task's run, not the run's own; a file is written over only with `overwrite=true`; a folder that is not there is 404;
tokens of at most 64 characters; a wrong log-in is 403 with an `error_code`. Runs survive a restart of the sandbox
as rows; one that was under way ends as INTERNAL_ERROR.

A run's task really runs: its Python file as a process of its own, with `/Volumes` standing for the workspace's folder.
On its path is Spark where `TRADEWIND_SANDBOX_SPARK` names an environment that has it, else a stand-in of one process
(`include.sandbox.cluster`).
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from include.sandbox.settings import Ports
from include.sandbox.vendors import Context, Vendor, label_of, tenant_of

_STAND_IN = Path(__file__).resolve().parents[1] / "cluster"
_VOLUMES = "/Volumes/"
_OVER = ("TERMINATED", "INTERNAL_ERROR", "SKIPPED")
_LONGEST_TOKEN = 64
_REASONS = {
    400: ("INVALID_PARAMETER_VALUE", "The request is not valid."),
    403: ("403", "Invalid access token."),
    404: ("RESOURCE_DOES_NOT_EXIST", "There is no such resource."),
    409: ("ALREADY_EXISTS", "The file is there already."),
    429: ("REQUEST_LIMIT_EXCEEDED", "Too many requests."),
    500: ("INTERNAL_ERROR", "An internal error occurred."),
    503: ("TEMPORARILY_UNAVAILABLE", "The service is temporarily unavailable."),
}


def token(tenant: str) -> str:
    """The access token of a tenant's service user, which opens nothing but the sandbox."""
    return f"sandbox-only-not-a-secret-{tenant}"


def error_body(status: int, message: str | None) -> tuple[Any, dict[str, str]]:
    """The shape of a Databricks error."""
    code, text = _REASONS.get(status, ("INTERNAL_ERROR", "An internal error occurred."))
    return {"error_code": code, "message": message or text}, {}


class _Refused(Exception):
    def __init__(self, status: int, message: str | None = None):
        super().__init__(message)
        self.status, self.message = status, message


class Workspaces:
    """The runs and volumes of every workspace."""

    def __init__(self, context: Context):
        self._store = context.store
        self._folder = context.folder / "databricks"
        self._lock = threading.Lock()
        self._processes: dict[str, subprocess.Popen] = {}
        self._looked_at: set[str] = set()

    def submit(self, tenant: str, body: dict) -> int:
        """A new run, or the one its idempotency token has started."""
        task = (body.get("tasks") or [{}])[0]
        python = task.get("spark_python_task")
        if not (python or {}).get("python_file") or not (
            "existing_cluster_id" in task or "new_cluster" in task
        ):
            raise _Refused(400, "A task needs spark_python_task and existing_cluster_id or new_cluster.")
        name = str(body.get("idempotency_token") or secrets.token_hex(16))
        if len(name) > _LONGEST_TOKEN:
            raise _Refused(400, f"The idempotency token is longer than {_LONGEST_TOKEN} characters.")
        space, command = self._space(tenant), self._command(tenant, python)
        with self._lock:
            self._bury(tenant)
            if known := self._store.get(space, "token", name):
                return int(known["run_id"])
            run_id = 1000 + 2 * len(self._store.every(space, "run"))
            self._store.put(space, "token", name, {"run_id": run_id})
            self._store.put(
                space, "run", str(run_id), {"body": body, "state": {"life_cycle_state": "RUNNING"}}
            )
            process = self._start(command)
            self._processes[f"{tenant}/{run_id}"] = process
        threading.Thread(target=self._end, args=(tenant, run_id, process), daemon=True).start()
        return run_id

    def run(self, tenant: str, run_id: int) -> dict:
        """A run as `runs/get` shows it."""
        with self._lock:
            self._bury(tenant)
        known = self._store.get(self._space(tenant), "run", str(run_id))
        if known is None:
            raise _Refused(400, f"Run {run_id} does not exist.")
        return known

    def file(self, tenant: str, path: str) -> Path:
        """Where a path of a volume lies here."""
        if not path.startswith(_VOLUMES) or ".." in path.split("/") or len(path.strip("/").split("/")) < 4:
            raise _Refused(400, f"Not a path inside a volume: {path}")
        return self._folder / tenant / path.strip("/")

    def close(self) -> None:
        """End what still runs."""
        for process in self._processes.values():
            process.kill()

    def _command(self, tenant: str, task: dict) -> list[str]:
        texts = [str(text) for text in (task["python_file"], *task.get("parameters", []))]
        return [str(self.file(tenant, text)) if text.startswith(_VOLUMES) else text for text in texts]

    def _start(self, command: list[str]) -> subprocess.Popen:
        spark = os.environ.get("TRADEWIND_SANDBOX_SPARK", "")
        python = str(Path(spark, "bin", "python")) if spark else sys.executable
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "SPARK_LOCAL_IP": "127.0.0.1"}
        environment |= {"PYSPARK_PYTHON": python} if spark else {"PYTHONPATH": str(_STAND_IN)}
        self._folder.mkdir(parents=True, exist_ok=True)
        return subprocess.Popen(
            [python, *command],
            cwd=self._folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def _end(self, tenant: str, run_id: int, process: subprocess.Popen) -> None:
        said, _ = process.communicate()
        state = {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS", "state_message": ""}
        if process.returncode:
            state |= {
                "result_state": "FAILED",
                "state_message": "Workload failed, see run output for details",
            }
        run = self.run(tenant, run_id)
        self._store.put(
            self._space(tenant), "run", str(run_id), {**run, "state": state, "said": said[-4000:]}
        )
        self._processes.pop(f"{tenant}/{run_id}", None)

    def _bury(self, tenant: str) -> None:
        """End the runs that were under way when an earlier sandbox ended."""
        if tenant in self._looked_at:
            return
        self._looked_at.add(tenant)
        for key, run in self._store.every(self._space(tenant), "run").items():
            if run["state"]["life_cycle_state"] not in _OVER:
                state = {"life_cycle_state": "INTERNAL_ERROR", "state_message": "The cluster was lost."}
                self._store.put(self._space(tenant), "run", key, {**run, "state": state})

    @staticmethod
    def _space(tenant: str) -> str:
        return f"databricks/{tenant}"


class Application:
    """The ASGI application for every `<tenant>.cloud.databricks.com`."""

    def __init__(self, context: Context):
        self._workspaces = Workspaces(context)
        routes = []
        for version in ("2.1", "2.2"):
            for method, name, handler in (
                ("POST", "submit", _submit), ("GET", "get", _get), ("GET", "get-output", _output),
            ):  # fmt: skip
                routes.append(
                    Route(f"/api/{version}/jobs/runs/{name}", self._handled(handler), methods=[method])
                )
        routes.append(Route("/api/2.0/fs/files{path:path}", self._handled(_file), methods=["GET", "PUT"]))
        routes.append(
            Route("/api/2.0/fs/directories{path:path}", self._handled(_folder), methods=["GET", "PUT"])
        )
        self._app = Starlette(routes=routes)

    async def __call__(self, scope, receive, send) -> None:
        await self._app(scope, receive, send)

    def close(self) -> None:
        """End every run."""
        self._workspaces.close()

    def _handled(self, handler):
        async def endpoint(request: Request) -> Response:
            tenant, body = tenant_of(request.scope["sandbox.host"]), await request.body()
            given = request.headers.get("authorization", "").encode()
            try:
                if not secrets.compare_digest(given, f"Bearer {token(tenant)}".encode()):
                    raise _Refused(403)
                return await run_in_threadpool(handler, self._workspaces, tenant, request, body)
            except _Refused as refused:
                return JSONResponse(error_body(refused.status, refused.message)[0], refused.status)

        return endpoint


def _submit(workspaces: Workspaces, tenant: str, request: Request, body: bytes) -> Response:
    try:
        asked = json.loads(body)
    except ValueError:
        raise _Refused(400) from None
    return JSONResponse({"run_id": workspaces.submit(tenant, asked)})


def _get(workspaces: Workspaces, tenant: str, request: Request, body: bytes) -> Response:
    run_id = _number(request)
    run = workspaces.run(tenant, run_id)
    page = f"https://{request.scope['sandbox.host']}/#job/runs/{run_id}"
    tasks = [{"run_id": run_id + 1, "task_key": run["body"]["tasks"][0]["task_key"], "state": run["state"]}]
    return JSONResponse({"run_id": run_id, "run_page_url": page, "state": run["state"], "tasks": tasks})


def _output(workspaces: Workspaces, tenant: str, request: Request, body: bytes) -> Response:
    run_id = _number(request)
    if run_id % 2 == 0:
        raise _Refused(
            400, "Retrieving the output of runs with tasks is not supported: ask for the task's run."
        )
    run = workspaces.run(tenant, run_id - 1)
    failed = run["state"].get("result_state") == "FAILED"
    return JSONResponse({"logs": run.get("said", ""), **({"error": run["said"]} if failed else {})})


def _file(workspaces: Workspaces, tenant: str, request: Request, body: bytes) -> Response:
    path = workspaces.file(tenant, request.path_params["path"])
    if request.method == "GET":
        if not path.is_file():
            raise _Refused(404)
        return Response(path.read_bytes(), media_type="application/octet-stream")
    if path.exists() and request.query_params.get("overwrite") != "true":
        raise _Refused(409)
    if not path.parent.is_dir():
        raise _Refused(404, "The parent folder does not exist.")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    draft.write_bytes(body)
    draft.replace(path)
    return Response(status_code=204)


def _folder(workspaces: Workspaces, tenant: str, request: Request, body: bytes) -> Response:
    path = workspaces.file(tenant, request.path_params["path"])
    if request.method == "PUT":
        path.mkdir(parents=True, exist_ok=True)
        return Response(status_code=204)
    if not path.is_dir():
        raise _Refused(404)
    # Small pages, so that a client that stops at the first one is seen.
    start, size = int(request.query_params.get("page_token") or 0), 5
    entries = sorted(path.iterdir())
    folder = quote(request.path_params["path"].rstrip("/"))
    contents = [
        {"path": f"{folder}/{e.name}", "name": e.name, "is_directory": e.is_dir()}
        for e in entries[start : start + size]
    ]
    more = {"next_page_token": str(start + size)} if start + size < len(entries) else {}
    return JSONResponse({"contents": contents, **more})


def _number(request: Request) -> int:
    text = request.query_params.get("run_id", "")
    if not text.isdigit():
        raise _Refused(400, "run_id is missing.")
    return int(text)


def connections(ports: Ports, tenant: str) -> dict[str, dict[str, Any]]:
    """The Airflow connection for the provider's DatabricksHook: the workspace's address and a token."""
    return {
        "databricks": {
            "conn_type": "databricks",
            "host": f"{label_of(tenant)}.cloud.databricks.com",
            "password": token(tenant),
        }
    }


VENDOR = Vendor(
    name="databricks",
    hosts=("*.cloud.databricks.com",),
    build=Application,
    error=error_body,
    connections=connections,
)
