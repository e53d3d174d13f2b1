"""One SharePoint document library: folders and files with ids, versions and conflict rules.

Items are documents in the store, contents are blobs named by their SHA-256. Files found in the world's
`sharepoint` folder of the tenant appear in the library on first use.
"""

from __future__ import annotations

import contextlib
import mimetypes
import os
import shutil
import tempfile
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from include.sandbox.store import Store
from include.sandbox.vendors.graph.hashes import digests

NAMESPACE = uuid.UUID("5b0d1a52-6f0f-4b7e-9a53-74c0f2d8e001")
FORBIDDEN = set('"*:<>?/\\|')
CONFLICTS = ("fail", "replace", "rename")


class GraphError(Exception):
    """A refusal in Graph's words: HTTP status, error code, message and optional inner code."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None):
        super().__init__(message)
        self.status, self.code, self.message, self.inner = status, code, message, inner

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.inner:
            error["innererror"] = {"code": self.inner}
        return {"error": error}


NOT_FOUND = "The resource could not be found."


class Drive:
    """The library `name` of one site. Paths are case-preserving and compare without case, as in SharePoint."""

    def __init__(self, tenant: str, site: str, name: str, store: Store, seed: Path):
        self.tenant, self.site, self.name, self.store = tenant, site, name, store
        self.id = "b!" + uuid.uuid5(NAMESPACE, f"{tenant}/{site}/{name}").hex
        self.space = f"graph:{self.id}"
        self.lock = threading.RLock()
        with self.lock, store.transaction():
            if self.item("root") is None:
                self._put({"id": "root", "name": "root", "parent": None, "version": 1, "folder": True})
            self._import(seed)

    def item(self, item_id: str) -> dict[str, Any] | None:
        """One item by id, or None."""
        return self.store.get(self.space, "item", item_id)

    def children(self, item_id: str) -> list[dict[str, Any]]:
        """The items in a folder, by name."""
        held = (self.item(child) for child in self.store.every(self.space, f"child:{item_id}").values())
        return sorted((item for item in held if item), key=lambda item: item["name"].lower())

    def child(self, folder_id: str, name: str) -> dict[str, Any] | None:
        """The item of this name in a folder, or None."""
        found = self.store.get(self.space, f"child:{folder_id}", name.lower())
        return None if found is None else self.item(found)

    def resolve(self, start: str, path: str) -> dict[str, Any] | None:
        """Walk `path` (no leading slash) from an item; None where something is missing."""
        item = self.item(start)
        for name in (part for part in path.split("/") if part):
            if item is None:
                return None
            item = self.child(item["id"], name)
        return item

    def path(self, item: dict[str, Any]) -> str:
        """The item's path below the library's root, without leading slash."""
        names: list[str] = []
        while item["parent"] is not None:
            names.append(item["name"])
            item = self.item(item["parent"])
        return "/".join(reversed(names))

    def make_folder(self, parent: str, name: str, conflict: str) -> tuple[dict[str, Any], bool]:
        """Create a folder; `replace` on a folder that exists gives that folder. Returns (item, created)."""
        with self.lock, self.store.transaction():
            existing = self.child(parent, checked_name(name))
            if existing and conflict == "replace" and existing["folder"]:
                return existing, False
            name = self._free_name(parent, name, conflict) if existing else name
            return self._put(self._new(parent, name, folder=True)), True

    def ensure_parents(self, start: str, path: str) -> str:
        """Make the missing folders of a path, as an upload by path does; returns the id of the last."""
        parent = start
        for name in (part for part in path.split("/") if part):
            found = self.child(parent, name)
            if found is not None and not found["folder"]:
                raise GraphError(400, "invalidRequest", f"'{name}' is a file, not a folder")
            parent = found["id"] if found else self.make_folder(parent, name, "fail")[0]["id"]
        return parent

    def write_file(
        self,
        parent: str,
        name: str,
        content: Path,
        conflict: str = "replace",
        if_match: str | None = None,
        mime_type: str | None = None,
    ) -> tuple[dict[str, Any], bool]:
        """Take the file at `content` (it is moved away) as the new content of a name. Returns (item, created)."""
        with self.lock, self.store.transaction():
            existing = self.child(parent, checked_name(name))
            self.check_match(existing, if_match)
            if existing and existing["folder"]:
                raise GraphError(409, "nameAlreadyExists", "The specified item name already exists.")
            if existing and conflict != "replace":
                name, existing = self._free_name(parent, name, conflict), None
            hashes = digests(content)
            size = content.stat().st_size
            shutil.move(content, self.store.blob(hashes["sha256Hash"].lower()))
            item = existing or self._new(parent, name, folder=False)
            item |= {
                "size": size,
                "hashes": hashes,
                "mime": mime_type or mimetypes.guess_type(name)[0] or "application/octet-stream",
                "version": item["version"] + (1 if existing else 0),
                "modified": _now(),
            }
            return self._put(item), existing is None

    def change(
        self, item: dict[str, Any], name: str | None, parent: str | None, conflict: str, if_match: str | None
    ) -> dict[str, Any]:
        """Rename and move in one step; a name taken at the destination follows `conflict`."""
        with self.lock, self.store.transaction():
            self.check_match(item, if_match)
            if item["id"] == "root":
                raise GraphError(400, "invalidRequest", "The root cannot be changed")
            wanted, folder = checked_name(name or item["name"]), parent or item["parent"]
            self._check_move(item, folder)
            taken = self.child(folder, wanted)
            if taken and taken["id"] != item["id"]:
                if conflict == "replace" and not taken["folder"]:
                    self.delete(taken, None)
                else:
                    wanted = self._free_name(folder, wanted, conflict)
            self.store.delete(self.space, f"child:{item['parent']}", item["name"].lower())
            moved = {"name": wanted, "parent": folder, "version": item["version"] + 1, "modified": _now()}
            return self._put(item | moved)

    def delete(self, item: dict[str, Any], if_match: str | None) -> None:
        """Remove an item with everything below it; contents stay as blobs, as in a recycle bin."""
        with self.lock, self.store.transaction():
            self.check_match(item, if_match)
            if item["id"] == "root":
                raise GraphError(400, "invalidRequest", "The root cannot be deleted")
            for child in self.children(item["id"]):
                self.delete(child, None)
            self.store.delete(self.space, f"child:{item['parent']}", item["name"].lower())
            self.store.delete(self.space, "item", item["id"])

    def check_match(self, item: dict[str, Any] | None, if_match: str | None) -> None:
        """412 unless the caller's If-Match is the item's current eTag (or cTag, or `*`)."""
        if if_match is None:
            return
        accepted = {"*", etag(item), ctag(item)} if item else set()
        if if_match.removeprefix("W/") not in accepted:
            raise GraphError(412, "resourceModified", "ETag does not match current item's value")

    def _check_move(self, item: dict[str, Any], folder: str) -> None:
        above = self.item(folder)
        if above is None or not above["folder"]:
            raise GraphError(404, "itemNotFound", NOT_FOUND)
        while above is not None:
            if above["id"] == item["id"]:
                raise GraphError(400, "invalidRequest", "A folder cannot be moved into itself")
            above = self.item(above["parent"]) if above["parent"] else None

    def _free_name(self, parent: str, name: str, conflict: str) -> str:
        if conflict != "rename":
            raise GraphError(409, "nameAlreadyExists", "The specified item name already exists.")
        stem, ending = Path(name).stem, Path(name).suffix
        number = 1
        while self.child(parent, f"{stem} {number}{ending}"):
            number += 1
        return f"{stem} {number}{ending}"

    def _new(self, parent: str, name: str, *, folder: bool) -> dict[str, Any]:
        number = (self.store.get(self.space, "counter", "item") or 0) + 1
        self.store.put(self.space, "counter", "item", number)
        item_id = "01" + uuid.uuid5(NAMESPACE, f"{self.id}/{number}").hex.upper()
        return {
            "id": item_id,
            "name": name,
            "parent": parent,
            "version": 1,
            "folder": folder,
            "created": _now(),
        }

    def _put(self, item: dict[str, Any]) -> dict[str, Any]:
        self.store.put(self.space, "item", item["id"], item)
        if item["parent"] is not None:
            self.store.put(self.space, f"child:{item['parent']}", item["name"].lower(), item["id"])
        return item

    def _import(self, seed: Path) -> None:
        for path in sorted(path for path in seed.rglob("*") if path.is_file()):
            name = path.relative_to(seed)
            parent = self.ensure_parents("root", str(name.parent) if name.parent != Path() else "")
            if self.child(parent, name.name) is None:
                with temporary(self.store) as copy:
                    shutil.copyfile(path, copy)
                    self.write_file(parent, name.name, copy)


@contextlib.contextmanager
def temporary(store: Store):
    """A file on the same disk as the blobs, gone afterwards unless it was moved away."""
    handle, name = tempfile.mkstemp(dir=store.folder, prefix="upload-")
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def checked_name(name: str) -> str:
    """A name SharePoint allows; GraphError invalidRequest otherwise."""
    if not name or FORBIDDEN & set(name) or name != name.strip() or name.endswith(".") or len(name) > 255:
        raise GraphError(400, "invalidRequest", "The provided name contains characters that are not allowed.")
    return name


def etag(item: dict[str, Any]) -> str:
    """The item's eTag, with its quotes: changes with content and with metadata."""
    return f'"{{{_guid(item)}}},{item["version"]}"'


def ctag(item: dict[str, Any]) -> str:
    """The item's cTag, with its quotes."""
    return f'"c:{{{_guid(item)}}},{item["version"]}"'


def _guid(item: dict[str, Any]) -> str:
    return str(uuid.uuid5(NAMESPACE, item["id"])).upper()


def show(drive: Drive, item: dict[str, Any], web: str) -> dict[str, Any]:
    """A driveItem; `web` is the address of the site."""
    path = drive.path(item)
    document: dict[str, Any] = {
        "id": item["id"],
        "name": item["name"],
        "size": item.get("size", 0),
        "eTag": etag(item),
        "cTag": ctag(item),
        "createdDateTime": item.get("created", "2020-01-01T00:00:00Z"),
        "lastModifiedDateTime": item.get("modified", item.get("created", "2020-01-01T00:00:00Z")),
        "webUrl": f"{web}/{drive.name}/{path}",
    }
    if item["parent"] is not None:
        above = path.rpartition("/")[0]
        reference = f"/drives/{drive.id}/root:" + (f"/{above}" if above else "")
        document["parentReference"] = {
            "driveId": drive.id,
            "driveType": "documentLibrary",
            "id": item["parent"],
            "path": reference,
        }
    if item["folder"]:
        document["folder"] = {"childCount": len(drive.children(item["id"]))}
    else:
        document["file"] = {"mimeType": item["mime"], "hashes": item["hashes"]}
    return document


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
