"""The local ports: all on 127.0.0.1, moved together, remembered in `.state/ports.json`.

A port the user names (TRADEWIND_PORT_<NAME>, or UI_PORT, DOCS_PORT, PG_PORT, SANDBOX_PORT of make) is taken or
refused; any other is the remembered one, else the usual one, else a free one. They are settled when something
starts; every other command reads what was settled.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Container
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from include.errors import TradewindError

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """One port per listener of the stand; the defaults are the usual ones."""

    pg: int = 54320
    ui: int = 8080
    docs: int = 8081
    sandbox_tls: int = 8443
    sandbox_snowflake: int = 8444
    sandbox_admin: int = 8445
    sandbox_tunnel: int = 8446
    worker_log: int = 8793
    trigger_log: int = 8794


def remembered(state: Path) -> Ports:
    """The ports settled last, the usual ones where nothing was settled yet."""
    known = {field.name for field in fields(Ports)}
    try:
        stored = json.loads(_file(state).read_text())
        return Ports(**{name: int(port) for name, port in stored.items() if name in known})
    except (FileNotFoundError, ValueError, AttributeError):
        # A file cut short by a power cut only costs the memory of a choice.
        return Ports()


def settle(state: Path, held: Container[str] = ()) -> Ports:
    """Choose and remember all ports. `held` names listeners of ours that run now and keep their port.

    Raises TradewindError when a port the user named is taken, is no port, or differs from one that is held.
    """
    before = asdict(remembered(state))
    named = _named()
    chosen: dict[str, int] = {}
    for name, port in before.items():
        if name in held:
            _refuse_move(name, port, named.get(name, port))
            chosen[name] = port
        elif name in named:
            _demand_free(name, named[name])
            chosen[name] = named[name]
        else:
            taken = {*chosen.values(), *named.values()}
            candidates = (port, getattr(Ports, name))
            chosen[name] = (
                next((each for each in candidates if each not in taken and is_free(each)), None) or free()
            )
    state.mkdir(parents=True, exist_ok=True)
    partial = _file(state).with_suffix(".partial")
    partial.write_text(json.dumps(chosen, indent=1) + "\n")
    partial.replace(_file(state))
    return Ports(**chosen)


def variable(name: str) -> str:
    """The environment variable that moves one listener."""
    return f"TRADEWIND_PORT_{name.upper()}"


def free() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _file(state: Path) -> Path:
    return state / "ports.json"


def _named() -> dict[str, int]:
    """The ports the user asked for; SANDBOX_PORT moves the sandbox's four listeners in a row."""
    found: dict[str, int] = {}
    base = os.environ.get("TRADEWIND_PORT_SANDBOX", "").strip()
    if base:
        row = ("sandbox_tls", "sandbox_snowflake", "sandbox_admin", "sandbox_tunnel")
        first = _port("TRADEWIND_PORT_SANDBOX", base)
        found |= {name: first + step for step, name in enumerate(row)}
    for field in fields(Ports):
        text = os.environ.get(variable(field.name), "").strip()
        if text:
            found[field.name] = _port(variable(field.name), text)
    return found


def _port(name: str, text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65532:
        raise TradewindError(
            where=name, expected="a port number", got=text, remedy=f"set {name} to a free port"
        )
    return int(text)


def _demand_free(name: str, port: int) -> None:
    if not is_free(port):
        raise TradewindError(
            where=f"port of {name}",
            expected=f"port {port} of {HOST} to be free, because you named it",
            got="another program listening on it",
            remedy=f"name another one, or leave {variable(name)} empty to have one chosen",
        )


def _refuse_move(name: str, port: int, wanted: int) -> None:
    if wanted != port:
        raise TradewindError(
            where=f"port of {name}",
            expected=f"port {wanted}",
            got=f"it runs on port {port}",
            remedy="make down first",
        )
