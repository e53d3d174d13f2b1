"""The proxy that clients are pointed at: it accepts CONNECT and leads every tunnel to our own TLS listener.

The asked host decides only whether the tunnel is opened, never where it goes: the one address this module
connects to is 127.0.0.1 and the sandbox's TLS port. A client that asks for a host no vendor plays is refused by
name, so that nothing ever reaches the internet by accident.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from include.sandbox.settings import LOOPBACK

log = logging.getLogger(__name__)
HEAD_LIMIT = 16 * 1024
HEAD_SECONDS = 15


async def serve(sock, tls_port: int, is_known: Callable[[str], bool]) -> asyncio.Server:
    """Start the proxy on a bound socket; `is_known` says whether a host name is played by a vendor."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _tunnel(reader, writer, tls_port, is_known)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            log.debug("tunnel closed early")
        finally:
            await _close(writer)

    return await asyncio.start_server(handle, sock=sock, limit=HEAD_LIMIT)


async def _tunnel(reader, writer, tls_port: int, is_known: Callable[[str], bool]) -> None:
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
    except asyncio.LimitOverrunError:
        await _refuse(writer, 431, "request head too large for the sandbox tunnel")
        return
    method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
    target = rest.rpartition(" ")[0]
    if method != "CONNECT":
        await _refuse(
            writer, 405, f"the sandbox tunnel takes CONNECT only, not {method[:16]}: use https URLs"
        )
        return
    host = target.rpartition(":")[0].lower().strip("[]")
    if not is_known(host):
        log.info("refused host %s", host)
        await _refuse(writer, 403, f"host {_printable(host)} is not played by the Tradewind sandbox")
        return
    upstream_reader, upstream_writer = await asyncio.open_connection(LOOPBACK, tls_port)
    try:
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        await _relay(reader, writer, upstream_reader, upstream_writer)
    finally:
        await _close(upstream_writer)


async def _relay(reader, writer, upstream_reader, upstream_writer) -> None:
    """Copy both ways until both ends have finished; an abrupt end on one side ends the other abruptly too."""

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while chunk := await source.read(65536):
            sink.write(chunk)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()

    up = asyncio.create_task(pump(reader, upstream_writer))
    down = asyncio.create_task(pump(upstream_reader, writer))
    # The server decides when a connection is over: once it has closed, nothing the client still sends can matter.
    await asyncio.wait({down})
    up.cancel()
    with contextlib.suppress(asyncio.CancelledError, ConnectionError):
        await up
    down.result()


async def _refuse(writer: asyncio.StreamWriter, status: int, reason: str) -> None:
    """Say why in the status line as well: it is the only part of a refusal that HTTP clients show."""
    body = f"{reason}\n".encode()
    writer.write(
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode("latin-1", "replace")
        + body
    )
    await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError, OSError):
        await writer.wait_closed()


def _printable(host: str) -> str:
    return "".join(character for character in host[:120] if character.isprintable())
