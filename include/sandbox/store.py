"""What the vendors remember: JSON documents in one SQLite file, and file contents named by their SHA-256.

A restart, also by SIGKILL, keeps everything that was acknowledged, as the real systems would.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
    space TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (space, kind, key)
) WITHOUT ROWID
"""


class Store:
    """Documents addressed by (space, kind, key). A space belongs to one vendor and one tenant of it."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.blobs = folder / "blobs"
        self.blobs.mkdir(exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(folder / "store.sqlite3", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(SCHEMA)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside are kept together or not at all; nested uses join the outer one."""
        with self._lock:
            if self._depth:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            else:
                self._db.execute("COMMIT")
            finally:
                self._depth -= 1

    def put(self, space: str, kind: str, key: str, body: Any) -> None:
        """Insert or replace one document."""
        with self._lock:
            self._db.execute(
                "INSERT INTO document VALUES (?, ?, ?, ?) "
                "ON CONFLICT (space, kind, key) DO UPDATE SET body = excluded.body",
                (space, kind, key, json.dumps(body)),
            )

    def get(self, space: str, kind: str, key: str) -> Any | None:
        """One document, or None."""
        with self._lock:
            row = self._db.execute(
                "SELECT body FROM document WHERE space = ? AND kind = ? AND key = ?", (space, kind, key)
            ).fetchone()
        return None if row is None else json.loads(row[0])

    def delete(self, space: str, kind: str, key: str) -> bool:
        """Forget one document; says whether there was one."""
        with self._lock:
            cursor = self._db.execute(
                "DELETE FROM document WHERE space = ? AND kind = ? AND key = ?", (space, kind, key)
            )
            return cursor.rowcount > 0

    def every(self, space: str, kind: str) -> dict[str, Any]:
        """All documents of one kind, by key, in key order."""
        with self._lock:
            rows = self._db.execute(
                "SELECT key, body FROM document WHERE space = ? AND kind = ? ORDER BY key", (space, kind)
            ).fetchall()
        return {key: json.loads(body) for key, body in rows}

    def kinds(self, space: str) -> list[str]:
        """The kinds of document a space holds."""
        with self._lock:
            rows = self._db.execute("SELECT DISTINCT kind FROM document WHERE space = ?", (space,)).fetchall()
        return [row[0] for row in rows]

    def blob(self, sha256: str) -> Path:
        """Where the content with this hash is or will be."""
        return self.blobs / sha256

    def close(self) -> None:
        """Release the database file."""
        with self._lock:
            self._db.close()
