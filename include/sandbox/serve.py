"""Start the sandbox: `python -m include.sandbox.serve`.

Four listeners on 127.0.0.1 in one process: the vendors over TLS, the CONNECT tunnel, fault administration and
Snowflake. One line on standard output says when all are up. SIGTERM and SIGINT end it in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import ssl
import sys
from pathlib import Path

import uvicorn

from include.errors import TradewindError
from include.sandbox import tls, tunnel
from include.sandbox.faults import Faults
from include.sandbox.front import Front, administration
from include.sandbox.settings import LOOPBACK, Ports, state_folder
from include.sandbox.store import Store
from include.sandbox.vendors import Context, discover

SHUTDOWN_SECONDS = 3


class _Listener(uvicorn.Server):
    """A server that leaves signals to `main`: four of them share one process."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


def main() -> int:
    """Run until told to stop; 1 with one line of reason where the sandbox cannot start."""
    level = os.environ.get("TRADEWIND_SANDBOX_LOG", "WARNING").upper()
    logging.basicConfig(level=level, format="sandbox %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    # An answer left unfinished is an error to the server; here a fault rule asked for it.
    logging.getLogger("uvicorn.error").addFilter(
        lambda entry: "ASGI callable returned" not in entry.getMessage()
    )
    try:
        ports, folder = Ports.from_environment(), state_folder()
        with _only_one(folder):
            asyncio.run(_serve(ports, folder))
    except TradewindError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _serve(ports: Ports, folder: Path) -> None:
    sockets = {name: _bind(name, port) for name, port in ports.as_dict().items()}
    vendors = discover()
    authority = tls.prepare(folder / "tls", _names(vendors))
    store = Store(folder / "store")
    context = Context(store=store, world=folder / "world", folder=folder)
    faults = Faults(tuple(kind for vendor in vendors for kind in vendor.faults))
    front = {
        name: Front(tuple(vendor for vendor in vendors if vendor.listener == name), context, faults)
        for name in ("tls", "snowflake")
    }
    servers = {
        "tls": _server(front["tls"], authority),
        "snowflake": _server(front["snowflake"], authority),
        "admin": _server(administration(faults, vendors, ports), None),
    }
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = [asyncio.create_task(server.serve(sockets=[sockets[name]])) for name, server in servers.items()]
    proxied = tuple(vendor for vendor in vendors if vendor.listener == "tls")
    proxy = await tunnel.serve(
        sockets["tunnel"], ports.tls, lambda host: any(vendor.answers(host) for vendor in proxied)
    )
    while not all(server.started for server in servers.values()):
        await asyncio.sleep(0.02)
    shown = " ".join(f"{name}={port}" for name, port in ports.as_dict().items())
    sys.stdout.write(f"sandbox ready: {shown} state={folder} bundle={authority.bundle}\n")
    sys.stdout.flush()
    await stop.wait()
    proxy.close()
    for server in servers.values():
        server.should_exit = True
    await asyncio.wait(running, timeout=SHUTDOWN_SECONDS)
    for application in front.values():
        application.close()
    store.close()


def _server(app, authority: tls.Authority | None) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=30,
        ssl_certfile=authority and str(authority.certificate),
        ssl_keyfile=authority and str(authority.key),
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )
    return _Listener(config)


def _names(vendors) -> tuple[str, ...]:
    return tuple(sorted({"localhost", LOOPBACK, *(host for vendor in vendors for host in vendor.hosts)}))


def _bind(name: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((LOOPBACK, port))
    except OSError as error:
        sock.close()
        raise TradewindError(
            where=f"sandbox listener {name}",
            expected=f"{LOOPBACK}:{port} to be free",
            got=str(error),
            remedy=f"stop the process that holds the port, or set {Ports.variable(name)} to another one",
        ) from None
    sock.listen(128)
    sock.setblocking(False)
    return sock


@contextlib.contextmanager
def _only_one(folder: Path):
    """Hold the state folder: two sandboxes on one store would overwrite each other's files."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise TradewindError(
                where=str(folder),
                expected="no other sandbox on this state folder",
                got=f"one running as process {lock.read().strip() or 'unknown'}",
                remedy="stop it, or set TRADEWIND_STATE to another folder",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


if __name__ == "__main__":
    sys.exit(main())
