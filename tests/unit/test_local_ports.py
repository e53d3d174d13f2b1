"""Ports: remembered, moved when taken, refused when the user named one that is taken."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from include.errors import TradewindError
from include.local import ports


@pytest.fixture(autouse=True)
def unnamed(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("TRADEWIND_PORT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_settled_ports_are_remembered_and_distinct(tmp_path):
    settled = ports.settle(tmp_path)
    assert ports.remembered(tmp_path) == settled
    assert len(set(vars(settled).values())) == len(vars(settled))


def test_a_usual_port_that_is_taken_is_replaced(tmp_path, taken, monkeypatch):
    monkeypatch.setattr(ports.Ports, "ui", taken)
    (tmp_path / "ports.json").write_text(f'{{"ui": {taken}}}')
    assert ports.settle(tmp_path).ui != taken


def test_a_named_port_that_is_taken_is_refused(tmp_path, taken, monkeypatch):
    monkeypatch.setenv("TRADEWIND_PORT_UI", str(taken))
    with pytest.raises(TradewindError, match=f"port {taken} of 127.0.0.1 to be free"):
        ports.settle(tmp_path)


def test_sandbox_ports_move_in_a_row(tmp_path, monkeypatch):
    base = 20_000
    while not all(ports.is_free(base + step) for step in range(4)):
        base += 10
    monkeypatch.setenv("TRADEWIND_PORT_SANDBOX", str(base))
    settled = ports.settle(tmp_path)
    row = (settled.sandbox_tls, settled.sandbox_snowflake, settled.sandbox_admin, settled.sandbox_tunnel)
    assert row == (base, base + 1, base + 2, base + 3)


def test_what_runs_keeps_its_port_and_refuses_another(tmp_path, monkeypatch):
    settled = ports.settle(tmp_path)
    monkeypatch.setenv("TRADEWIND_PORT_PG", str(settled.pg))
    assert ports.settle(tmp_path, held={"pg"}).pg == settled.pg
    monkeypatch.setenv("TRADEWIND_PORT_PG", str(settled.pg + 1))
    with pytest.raises(TradewindError, match="make down first"):
        ports.settle(tmp_path, held={"pg"})


@pytest.mark.parametrize("text", ["http", "0", "70000", "-1"])
def test_what_is_no_port_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setenv("TRADEWIND_PORT_DOCS", text)
    with pytest.raises(TradewindError, match="a port number"):
        ports.settle(tmp_path)


def test_a_file_cut_short_costs_only_the_memory(tmp_path):
    (tmp_path / "ports.json").write_text('{"ui": 80')
    assert ports.remembered(tmp_path) == ports.Ports()
