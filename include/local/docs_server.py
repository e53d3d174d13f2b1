"""Serves the dbt docs of this clone on 127.0.0.1: `python -m include.local.docs_server`."""

from __future__ import annotations

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from include.local import environment
from include.local.ports import HOST, remembered

MISSING = b"<!doctype html><title>Tradewind docs</title><p>No dbt docs yet. Make them with <code>make docs</code>.</p>"


def folder(state: Path) -> Path:
    """Where `make docs` puts the site."""
    return state / "dbt" / "docs"


class _Site(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/" and not (Path(self.directory) / "index.html").exists():
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(MISSING)))
            self.end_headers()
            self.wfile.write(MISSING)
            return
        super().do_GET()

    def list_directory(self, path: str) -> None:
        self.send_error(404)


def main() -> int:
    """Serve until told to stop."""
    state = environment.state()
    folder(state).mkdir(parents=True, exist_ok=True)
    handler = partial(_Site, directory=str(folder(state)))
    with ThreadingHTTPServer((HOST, remembered(state).docs), handler) as server:
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
