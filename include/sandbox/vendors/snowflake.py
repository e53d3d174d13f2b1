"""Snowflake: fakesnow (the Snowflake dialect on DuckDB) behind TLS, one folder of databases per account.

The provider's SnowflakeHook passes host and port on but not the protocol, hence a TLS listener of its own instead
of a host behind the tunnel. fakesnow takes seconds to import, so the first login pays for it, not the start.

Beyond fakesnow this module checks the login, keeps accounts apart and databases on disk, and turns "the server
failed" into a SQL error: the connector retries an HTTP 500 without end, so an unsupported statement would hang.
Stage definitions live in memory: create them with IF NOT EXISTS.
"""

from __future__ import annotations

import asyncio
import contextvars
import gzip
import importlib
import json
import logging
import re
import secrets
import warnings
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse

from include.sandbox.settings import Ports
from include.sandbox.vendors import Context, Vendor

LOGIN = "/session/v1/login-request"
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}\Z")
DATABASE, SCHEMA, WAREHOUSE = "SALES_DATA", "COMPENSATION", "ANALYTICS_WH"

_account: contextvars.ContextVar[str] = contextvars.ContextVar("account")


def password(tenant: str) -> str:
    """The password of a tenant's service user, which opens nothing but the sandbox."""
    return f"sandbox-only-not-a-secret-{tenant}"


class Accounts:
    """Stands where fakesnow keeps its one shared instance, and gives each account its own."""

    def __init__(self, folder: Path, make: Any):
        self._folder, self._make = folder, make
        self._instances: dict[str, Any] = {}

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        """A connection in the account of the login being handled."""
        account = _account.get()
        if account not in self._instances:
            folder = self._folder / account
            folder.mkdir(parents=True, exist_ok=True)
            self._instances[account] = self._make(db_path=folder)
        return self._instances[account].connect(*args, **kwargs)

    def close(self) -> None:
        """Write every database to its file and let go of it."""
        for instance in self._instances.values():
            instance.duck_conn.close()
        self._instances.clear()


class Server:
    """The ASGI application of the Snowflake listener."""

    def __init__(self, context: Context):
        self._folder = context.folder / "snowflake"
        self._app: Any = None
        self._accounts: Accounts | None = None
        self._loading = asyncio.Lock()

    async def __call__(self, scope, receive, send) -> None:
        async with self._loading:
            if self._app is None:
                await asyncio.to_thread(self._load)
        if scope["path"] == LOGIN:
            await self._login(scope, receive, send)
        else:
            await self._app(scope, receive, _SqlErrors(send))

    def close(self) -> None:
        """Close the databases, if any were opened."""
        if self._accounts is not None:
            self._accounts.close()

    def _load(self) -> None:
        # By name: the package has a function `server` that hides its module of that name.
        server = importlib.import_module("fakesnow.server")
        stage = importlib.import_module("fakesnow.transforms.stage")
        instance = importlib.import_module("fakesnow.instance")
        # It raises its own logger to INFO and would print every statement.
        logging.getLogger("fakesnow.server").setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", module="fakesnow")
        stages = self._folder / "stages"
        stages.mkdir(parents=True, exist_ok=True)
        Path(stage.LOCAL_BUCKET_PATH).rmdir()
        stage.LOCAL_BUCKET_PATH = str(stages)
        _sum_exactly(importlib.import_module("fakesnow.transforms"))
        self._accounts = server.shared_fs = Accounts(self._folder / "accounts", instance.FakeSnow)
        self._app = Starlette(routes=server.routes)

    async def _login(self, scope, receive, send) -> None:
        body = await _read(receive)
        encoded = any(name == b"content-encoding" and value == b"gzip" for name, value in scope["headers"])
        try:
            data = json.loads(gzip.decompress(body) if encoded else body)["data"]
        except (ValueError, KeyError, OSError):
            await _failed("390100", "The login request is not valid.")(scope, receive, send)
            return
        account, query = str(data.get("ACCOUNT_NAME", "")).lower(), scope["query_string"].decode("latin-1")
        right = secrets.compare_digest(str(data.get("PASSWORD", "")).encode(), password(account).encode())
        if not IDENTIFIER.match(account) or not right:
            await _failed("390100", "Incorrect username or password was specified.")(scope, receive, send)
            return
        names = re.findall(r"(?:databaseName|schemaName)=([^&]*)", query)
        # A database name becomes a file name in the account's folder.
        if not all(IDENTIFIER.match(name) for name in names if name):
            await _failed("390201", f"Object does not exist or name is invalid: {names}")(
                scope, receive, send
            )
            return

        async def again() -> dict:
            return {"type": "http.request", "body": body, "more_body": False}

        _account.set(account)
        await self._app(scope, again, send)


def _sum_exactly(transforms: Any) -> None:
    """Let SUM add numbers as they are.

    fakesnow casts the argument of every aggregate to DOUBLE, so that text may be summed as in Snowflake. That would
    turn NUMBER(19,4) into binary floats, which Snowflake does not: money would not tie.
    """
    with_cast = transforms.numeric_agg_implicit_cast

    def without_cast_in_sums(expression: Any) -> Any:
        if type(expression).__name__ != "Sum":
            return with_cast(expression)
        argument = expression.this
        named = with_cast(expression)
        named.find(type(expression)).set("this", argument)
        return named

    transforms.numeric_agg_implicit_cast = without_cast_in_sums


class _SqlErrors:
    """Passes answers on, except a failure of the server, which leaves as a failure of the statement."""

    def __init__(self, send: Any):
        self._send = send
        self._failed = False
        self._body = b""

    async def __call__(self, message: dict) -> None:
        if message["type"] == "http.response.start" and message["status"] == 500:
            self._failed = True
            return
        if not self._failed:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body"):
            await self._answer()

    async def _answer(self) -> None:
        try:
            reason = str(json.loads(self._body)["message"])
        except (ValueError, KeyError, TypeError):
            reason = "the statement failed inside the server"
        message = f"SQL execution internal error: not supported by the sandbox's Snowflake: {reason[:500]}"
        await _failed("000603", message)({"type": "http"}, None, self._send)


def _failed(code: str, message: str) -> JSONResponse:
    data = {"errorCode": code, "sqlState": "XX000"}
    return JSONResponse({"data": data, "code": code, "message": message, "success": False, "headers": None})


async def _read(receive: Any) -> bytes:
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


def error_body(status: int, message: str | None) -> tuple[Any, dict[str, str]]:
    """The shape of a Snowflake error."""
    expired = status == 401
    code, text = (
        ("390112", "Your session has expired. Please login again.") if expired else ("390000", "failed")
    )
    return {"data": None, "code": code, "message": message or text, "success": False, "headers": None}, {}


def connections(ports: Ports, tenant: str) -> dict[str, dict[str, Any]]:
    """The Airflow connection for the provider's SnowflakeHook.

    `insecure_mode` switches off certificate revocation lookups only; the certificate itself is still checked.
    """
    return {
        "snowflake": {
            "conn_type": "snowflake",
            "login": "TRADEWIND_SERVICE",
            "password": password(tenant),
            "schema": SCHEMA,
            "extra": {
                "account": tenant,
                "host": "localhost",
                "port": ports.snowflake,
                "database": f"{DATABASE}_{tenant.upper()}",
                "warehouse": WAREHOUSE,
                "insecure_mode": True,
            },
        }
    }


VENDOR = Vendor(
    name="snowflake",
    hosts=("localhost",),
    build=Server,
    error=error_body,
    connections=connections,
    listener="snowflake",
)
