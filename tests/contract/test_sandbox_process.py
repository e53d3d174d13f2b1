"""The sandbox as a process: it starts fast, says why it cannot, keeps what was published, and lets nothing out."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from include.sandbox import tls
from include.sandbox.settings import Ports
from include.sandbox.vendors import discover
from tests.contract.conftest import ROOT, Sandbox
from tests.contract.test_sandbox_salesforce import org


def refused(sandbox: Sandbox, **changes: str) -> str:
    """Start another sandbox that must not come up; returns what it said."""
    own = {**os.environ, **sandbox.environment(), **changes, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-m", "include.sandbox.serve"],
        env=own,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    return ended.stderr


def test_starts_fast_prints_one_line_and_ends_on_sigterm(tmp_path):
    own = Sandbox(tmp_path)
    line = own.start()
    # Processor time, because the wall clock of a busy machine says nothing about the sandbox.
    times = Path(f"/proc/{own.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    assert sum(map(int, times)) / os.sysconf("SC_CLK_TCK") < 4
    for name, port in own.ports.as_dict().items():
        assert f"{name}={port}" in line
    for number in (signal.SIGTERM, signal.SIGINT):
        assert own.stop(number) == 0
        own.start()
    own.stop()
    for port in own.ports.as_dict().values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_taken_port_taken_folder_and_bad_port_are_explained(sandbox, tmp_path):
    taken = refused(sandbox, TRADEWIND_STATE=str(tmp_path))
    assert f"127.0.0.1:{sandbox.ports.tls}" in taken and "TRADEWIND_PORT_SANDBOX_TLS" in taken
    assert f"process {sandbox.process.pid}" in refused(sandbox)
    assert "a port from 1 to 65535" in refused(sandbox, TRADEWIND_PORT_SANDBOX_TLS="eighty")


def test_listens_on_loopback_only(sandbox):
    rows = [line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [tuple(local.split(":")) for local, _, state in rows if state == "0A"]
    for port in sandbox.ports.as_dict().values():
        assert [address for address, number in listening if int(number, 16) == port] == ["0100007F"]


def test_keys_are_readable_by_their_owner_only(sandbox):
    folder = sandbox.state / "sandbox" / "tls"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.key")} == {0o600}


def test_certificate_covers_every_vendor_and_follows_a_new_one(tmp_path):
    hosts = tuple(host for vendor in discover() for host in vendor.hosts)
    first = tls.prepare(tmp_path, hosts)
    ca, leaf = (tmp_path / "ca.pem").read_bytes(), first.certificate.read_bytes()
    assert tls.prepare(tmp_path, hosts).certificate.read_bytes() == leaf, "a restart changes nothing"
    tls.prepare(tmp_path, (*hosts, "api.newvendor.example"))
    assert first.certificate.read_bytes() != leaf and (tmp_path / "ca.pem").read_bytes() == ca
    assert len(ssl.create_default_context(cafile=str(first.bundle)).get_ca_certs()) > 50


@pytest.mark.parametrize(
    "host", ["example.com", "my.salesforce.com", "a.b.my.salesforce.com", "169.254.169.254"]
)
def test_unknown_host_is_refused_by_name(sandbox, host):
    with pytest.raises(httpx.ProxyError, match=f"{host} is not played by the Tradewind sandbox"):
        httpx.get(f"https://{host}/")


def speak(port: int, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(text)
        return sock.recv(65536)


def test_tunnel_takes_connect_only_and_survives_nonsense(sandbox):
    port = sandbox.ports.tunnel
    assert b"405" in speak(port, b"GET http://graph.microsoft.com/ HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"403" in speak(port, b"CONNECT  HTTP/1.1\r\n\r\n")
    assert b"403" in speak(port, b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n")
    assert b"403" in speak(port, b"CONNECT \xff\xfe\r\n\r\n")
    assert b"431" in speak(port, b"CONNECT x:443 HTTP/1.1\r\nX: " + b"a" * 70_000)
    assert b"200" in speak(port, b"CONNECT graph.microsoft.com:22 HTTP/1.1\r\n\r\n")


def test_tunnel_leads_to_our_listener_whatever_port_was_asked(sandbox, monkeypatch):
    """The asked port belongs to another listener of this machine, which must not be reached."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.5)
        asked = other.getsockname()[1]
        answer = httpx.get(f"https://graph.microsoft.com:{asked}/v1.0/drives/x")
        assert answer.status_code == 401
        with pytest.raises(TimeoutError):
            other.accept()


def test_wrong_host_header_is_answered_clearly(sandbox):
    answer = httpx.get("https://graph.microsoft.com/", headers={"Host": "unknown.example"})
    assert answer.status_code == 421 and "unknown.example" in answer.json()["error"]


def test_health_names_vendors_and_ports(sandbox):
    shown = httpx.get(sandbox.admin.replace("__faults", "__health"), trust_env=False).json()
    assert shown["ports"] == sandbox.ports.as_dict() and set(shown["vendors"]) >= {
        "salesforce",
        "graph",
        "snowflake",
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_restart_keeps_what_was_published(sandbox, number):
    records = [{"Forecast_Id__c": f"kept-{number}-{n}", "Mean__c": n} for n in range(50)]
    path = "composite/sobjects/Monte_Carlo_Forecast__c/Forecast_Id__c"
    org("demo").restful(path, method="PATCH", json={"records": records})
    sandbox.stop(number)
    sandbox.start()
    again = org("demo").restful(path, method="PATCH", json={"records": records})
    assert not any(answer["created"] for answer in again)
    count = f"SELECT COUNT() FROM Monte_Carlo_Forecast__c WHERE Forecast_Id__c LIKE 'kept-{int(number)}-%'"
    assert org("demo").query(count)["totalSize"] == 50


def test_no_two_vendors_share_a_host_or_a_connection():
    vendors = discover()
    hosts = [host.replace("*", "demo") for vendor in vendors for host in vendor.hosts]
    for host in hosts:
        assert sum(vendor.answers(host) for vendor in vendors) == 1
    prefixes = [prefix for vendor in vendors for prefix in vendor.connections(Ports(), "demo")]
    assert len(prefixes) == len(set(prefixes)) == 5


def test_ports_come_from_the_environment(monkeypatch):
    for name in Ports().as_dict():
        monkeypatch.delenv(Ports.variable(name), raising=False)
    assert Ports.from_environment() == Ports(8443, 8899, 8090, 8444)
    monkeypatch.setenv("TRADEWIND_PORT_SANDBOX_ADMIN", "9000")
    assert Ports.from_environment().admin == 9000
