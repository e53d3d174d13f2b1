"""Finds the vendor by host name, and the administration interface of the sandbox itself."""

from __future__ import annotations

import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from include.sandbox.faults import FaultLayer, Faults, rule_as_document
from include.sandbox.settings import Ports
from include.sandbox.vendors import Context, Vendor


class Front:
    """The ASGI application of one listener: every vendor served there, each behind its fault layer."""

    def __init__(self, vendors: tuple[Vendor, ...], context: Context, faults: Faults):
        self._apps = [(vendor, vendor.build(context)) for vendor in vendors]
        self._served = [(vendor, FaultLayer(app, vendor, faults)) for vendor, app in self._apps]

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        named = next((value for name, value in scope["headers"] if name == b"host"), b"")
        host = named.decode("latin-1").rsplit(":", 1)[0].lower()
        scope["sandbox.host"] = host
        for vendor, app in self._served:
            if vendor.answers(host):
                await app(scope, receive, send)
                return
        known = ", ".join(sorted(name for vendor, _ in self._served for name in vendor.hosts))
        refusal = JSONResponse(
            {"error": f"host {host!r} is not played by the Tradewind sandbox", "known_hosts": known}, 421
        )
        await refusal(scope, receive, send)

    def close(self) -> None:
        """Let every vendor that holds files open close them."""
        for _, app in self._apps:
            if hasattr(app, "close"):
                app.close()


def administration(faults: Faults, vendors: tuple[Vendor, ...], ports: Ports) -> Starlette:
    """Rules and request log over plain HTTP on loopback: see `faults` for what a rule may say."""

    async def post(request: Request) -> JSONResponse:
        try:
            made = faults.add(json.loads(await request.body()))
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"rules": [rule_as_document(rule) for rule in made]}, 201)

    async def delete(request: Request) -> JSONResponse:
        number = request.query_params.get("number")
        dropped = faults.clear(int(number) if number else None)
        if request.query_params.get("log"):
            faults.log.clear()
        return JSONResponse({"dropped": dropped})

    async def get(request: Request) -> JSONResponse:
        try:
            found = faults.requests(**request.query_params)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        rules = [rule_as_document(rule) for rule in faults.rules]
        return JSONResponse({"rules": rules, "requests": found})

    async def health(request: Request) -> JSONResponse:
        shown: dict[str, Any] = {vendor.name: vendor.hosts for vendor in vendors}
        return JSONResponse({"status": "ok", "ports": ports.as_dict(), "vendors": shown})

    return Starlette(
        routes=[
            Route("/__faults", post, methods=["POST"]),
            Route("/__faults", delete, methods=["DELETE"]),
            Route("/__faults", get, methods=["GET"]),
            Route("/__health", health, methods=["GET"]),
        ]
    )
