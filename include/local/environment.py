"""The environment of every process of the local stand, in one place.

`python -m include.local env` prints it as shell exports. What the user's shell sets for TRADEWIND_INBOX,
TRADEWIND_OUTPUT and the vendors' AIRFLOW_CONN_* wins; everything else here is this clone's own.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from include import settings
from include.local.ports import HOST, Ports, remembered
from include.sandbox.connections import connections
from include.sandbox.connections import environment as route_to_sandbox

DATABASE = "tradewind"
METADATA = "airflow"

# Airflow settings that do not depend on this clone. The heartbeats let a task outlive an API server that is
# gone for a minute, and a task whose supervisor was killed be noticed after one (reliability, fact 10 and T2).
AIRFLOW = {
    "CORE__EXECUTOR": "LocalExecutor",
    "CORE__PARALLELISM": "4",
    # A forecast of 10,000,000 iterations has 1,221 blocks for each simulation; Airflow's own limit is 1,024 in all.
    "CORE__MAX_MAP_LENGTH": "65536",
    "CORE__LOAD_EXAMPLES": "False",
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
    "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
    "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
    "API__HOST": HOST,
    "API__WORKERS": "1",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "WORKERS__MAX_FAILED_HEARTBEATS": "20",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
    # A busy machine may need longer than Airflow expects to import a DAG file; a task whose file is late fails unseen.
    "CORE__DAGBAG_IMPORT_TIMEOUT": "180",
    "DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "240",
    "USAGE_DATA_COLLECTION__ENABLED": "False",
}

QUIET = {
    "DO_NOT_TRACK": "1",
    "SCARF_ANALYTICS": "false",
    "GX_ANALYTICS_ENABLED": "False",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    "DBT_PARTIAL_PARSE": "True",
}


@dataclass(frozen=True)
class Secrets:
    """Keys generated once per clone and kept in `.state/secrets.json`, readable by its owner only."""

    fernet_key: str
    jwt_secret: str
    api_secret_key: str
    admin_password: str


def state() -> Path:
    """The state folder as an absolute path."""
    return settings.state().absolute()


def build(ports: Ports | None = None, *, sandbox: bool = True) -> dict[str, str]:
    """The variables that processes of this clone get on top of the user's own environment.

    `ports` defaults to the ones settled last. `sandbox` sends HTTPS to the sandbox's stand-ins.
    """
    ports = ports or remembered(state())
    keys = own_secrets(state())
    variables = QUIET | _tradewind(ports) | _airflow(ports, keys)
    if sandbox:
        variables |= route_to_sandbox(_sandbox_ports(ports))
    return variables | _connections(ports)


def process(ports: Ports | None = None, *, sandbox: bool = True) -> dict[str, str]:
    """The complete environment of a child process: the user's, without libpq's settings, plus `build`."""
    # PGSERVICE, PGPASSFILE and the like would redirect connections that name no such thing.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    programs = str(Path(sys.executable).parent)
    inherited["PATH"] = f"{programs}{os.pathsep}{inherited.get('PATH', os.defpath)}"
    return inherited | build(ports, sandbox=sandbox)


def apply(ports: Ports | None = None) -> None:
    """Make `build` this process's own environment, for commands that use the warehouse's modules directly."""
    os.environ.update(build(ports, sandbox=False))


def own_secrets(folder: Path) -> Secrets:
    """This clone's keys, generated at the first call."""
    path = folder / "secrets.json"
    try:
        return Secrets(**json.loads(path.read_text()))
    except FileNotFoundError:
        pass
    folder.mkdir(parents=True, exist_ok=True)
    made = Secrets(
        fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        jwt_secret=secrets.token_urlsafe(48),
        api_secret_key=secrets.token_urlsafe(48),
        admin_password=secrets.token_urlsafe(12),
    )
    private_file(path, json.dumps(made.__dict__))
    return own_secrets(folder)


def private_file(path: Path, text: str) -> None:
    """Write a file that only its owner can read, completely or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
    partial.replace(path)


def dsn(ports: Ports, user: str, database: str = DATABASE) -> str:
    """A libpq URL on the private server, which trusts connections from this machine."""
    return f"postgresql://{user}@{HOST}:{ports.pg}/{database}"


def _tradewind(ports: Ports) -> dict[str, str]:
    sandbox_ports = {
        f"TRADEWIND_PORT_SANDBOX_{name.upper()}": str(port) for name, port in _sandbox_ports(ports).items()
    }
    return sandbox_ports | {
        "TRADEWIND_HOME": str(settings.home()),
        "TRADEWIND_STATE": str(state()),
        "TRADEWIND_INBOX": os.environ.get("TRADEWIND_INBOX") or str(state() / "inbox"),
        "TRADEWIND_OUTPUT": os.environ.get("TRADEWIND_OUTPUT") or str(state() / "output"),
        "TRADEWIND_DSN_ADMIN": dsn(ports, "postgres"),
        "TRADEWIND_DSN_PIPELINE": dsn(ports, "tw_pipeline"),
        "TRADEWIND_DSN_ENGINE": dsn(ports, "tw_engine"),
        "TRADEWIND_PGHOST": HOST,
        "TRADEWIND_PGPORT": str(ports.pg),
        "TRADEWIND_PGDATABASE": DATABASE,
        "TRADEWIND_DB": DATABASE,
        "PYTHONPATH": str(settings.home()),
        "PYTHONUNBUFFERED": "1",
    }


def _airflow(ports: Ports, keys: Secrets) -> dict[str, str]:
    home = state() / "airflow"
    url = f"http://{HOST}:{ports.ui}"
    placed = {
        "CORE__DAGS_FOLDER": str(settings.home() / "dags"),
        "CORE__PLUGINS_FOLDER": str(settings.home() / "plugins"),
        "CORE__FERNET_KEY": keys.fernet_key,
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{METADATA}@{HOST}:{ports.pg}/{METADATA}",
        "DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(home / "bundles"),
        "API__PORT": str(ports.ui),
        "API__BASE_URL": url,
        "API__SECRET_KEY": keys.api_secret_key,
        "API_AUTH__JWT_SECRET": keys.jwt_secret,
        "LOGGING__BASE_LOG_FOLDER": str(state() / "logs" / "tasks"),
        "LOGGING__WORKER_LOG_SERVER_PORT": str(ports.worker_log),
        "LOGGING__TRIGGER_LOG_SERVER_PORT": str(ports.trigger_log),
    }
    return {"AIRFLOW_HOME": str(home)} | {
        f"AIRFLOW__{name}": value for name, value in (AIRFLOW | placed).items()
    }


def _connections(ports: Ports) -> dict[str, str]:
    """The warehouse's connections, and each demo company's own to the sandbox.

    The vendors' shared `<system>_default` is left out: a company loaded by `make run` has no account in the
    sandbox, and must not be given another company's records.
    """
    warehouse = {
        f"AIRFLOW_CONN_TRADEWIND_{role.upper()}": dsn(ports, f"tw_{role}").replace(
            "postgresql:", "postgres:", 1
        )
        for role in ("pipeline", "engine")
    }
    vendors = {
        name: value
        for name, value in connections(_sandbox_ports(ports)).items()
        if not name.endswith("_DEFAULT")
    }
    return warehouse | {name: os.environ.get(name) or value for name, value in vendors.items()}


def _sandbox_ports(ports: Ports) -> dict[str, int]:
    return {name: getattr(ports, f"sandbox_{name}") for name in ("tls", "snowflake", "admin", "tunnel")}
