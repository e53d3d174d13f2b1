"""Microsoft Graph, as much of it as publishing files needs.

Token by client credentials, folders made once, files through an upload session under a temporary name and
renamed when whole, so that a reader never opens half a file. Every call is retried on 429, 5xx and
transport errors (Retry-After is obeyed); an expired token is renewed once.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import PurePosixPath
from urllib.parse import quote

import httpx

from include.errors import TradewindError
from include.publish.patience import Transient, patiently, send_once

#: Fragments of an upload session are multiples of 320 KiB.
FRAGMENT = 320 * 1024 * 16
#: How often one upload may be interrupted before it is given up.
RESUMES = 8
LOGIN = "https://login.microsoftonline.com"
API = "https://graph.microsoft.com/v1.0"


class GraphClient:
    """The default drive of one SharePoint site."""

    def __init__(self, *, tenant: str, client_id: str, client_secret: str, site_host: str, site_path: str):
        self._credentials = (tenant, client_id, client_secret)
        self._site = f"{API}/sites/{site_host}:{site_path}"
        self._http = httpx.Client(timeout=60)
        self._token: str | None = None
        self._drive: str | None = None

    def item(self, path: str) -> dict | None:
        """Metadata of the file or folder at `path`, None when there is none."""
        response = self._call("GET", self._at(path), accept=(200, 404))
        return response.json() if response.status_code == 200 else None

    def content(self, path: str) -> bytes:
        """The bytes of the file at `path`."""
        return self._call("GET", f"{self._at(path)}:/content", accept=(200,), redirect=True).content

    def ensure_folder(self, path: PurePosixPath) -> None:
        """Make `path` and its parents; a folder that is there stays as it is."""
        if str(path) in ("", ".", "/") or self.item(str(path)) is not None:
            return
        self.ensure_folder(path.parent)
        parent = self._at(str(path.parent))
        children = f"{parent}:/children" if str(path.parent) != "." else f"{parent}/children"
        body = {"name": path.name, "folder": {}, "@microsoft.graph.conflictBehavior": "fail"}
        # 409: another publish made it in the meantime.
        self._call("POST", children, json=body, accept=(201, 409))

    def upload(self, path: str, content: bytes) -> dict:
        """Put `content` at `path` in one step for its readers; returns the item's metadata."""
        target = PurePosixPath(path)
        self.ensure_folder(target.parent)
        sha256 = hashlib.sha256(content).hexdigest()
        temporary = str(target.with_name(f".{target.name}.{sha256[:12]}.uploading"))
        arrived = self._send_fragments(temporary, content)
        if arrived.get("size") != len(content):
            raise TradewindError(
                where=f"SharePoint {temporary}",
                expected=f"{len(content)} bytes",
                got=str(arrived.get("size")),
                remedy="run publish again; the published file was not touched",
            )
        renamed = self._call(
            "PATCH",
            f"{self._root()}/items/{arrived['id']}?@microsoft.graph.conflictBehavior=replace",
            json={"name": target.name},
            headers={"If-Match": arrived["eTag"]},
            accept=(200,),
        )
        return renamed.json()

    def _send_fragments(self, path: str, content: bytes) -> dict:
        body = {"item": {"@microsoft.graph.conflictBehavior": "replace"}}
        session = self._call(
            "POST", f"{self._at(path)}:/createUploadSession", json=body, accept=(200,)
        ).json()
        url, start, size = session["uploadUrl"], 0, len(content)
        for stalled in range(RESUMES):
            while (answer := self._fragment(url, content, start)) is not None:
                if isinstance(answer, dict):
                    return answer
                start = answer
            # Lost answer, cut body or overlap (416): the session knows what it still expects.
            time.sleep(min(0.5 * 2**stalled, 15))
            resumed = self._resume(url, path, size)
            if isinstance(resumed, dict):
                return resumed
            start = resumed
        raise self._refused("PUT", url, f"{RESUMES} interruptions of one upload")

    def _fragment(self, url: str, content: bytes, start: int) -> int | dict | None:
        """Send one fragment: the next start, the finished item, or None when the answer says neither."""
        stop = min(start + FRAGMENT, len(content))
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
        try:
            response = self._once("PUT", url, content=content[start:stop], headers=headers)
        except Transient:
            return None
        if response.status_code in (200, 201):
            return response.json()
        return stop if response.status_code == 202 else None

    def _resume(self, url: str, path: str, size: int) -> int | dict:
        status = self._call("GET", url, accept=(200, 404), authorised=False)
        if status.status_code == 200:
            return int(status.json()["nextExpectedRanges"][0].split("-")[0])
        # The session is gone: either its last fragment arrived and only the answer was lost, or it expired.
        there = self.item(path)
        if there is not None and there.get("size") == size:
            return there
        raise TradewindError(
            where=f"SharePoint upload of {path}",
            expected="an open upload session",
            got="a session that has expired",
            remedy="run publish again; the published file was not touched",
        )

    def _at(self, path: str) -> str:
        clean = "/".join(quote(part, safe="") for part in PurePosixPath(path).parts if part not in ("/", "."))
        return f"{self._root()}/root:/{clean}" if clean else f"{self._root()}/root"

    def _root(self) -> str:
        if self._drive is None:
            site = self._call("GET", self._site, accept=(200,)).json()
            drive = self._call("GET", f"{API}/sites/{site['id']}/drive", accept=(200,)).json()
            self._drive = f"{API}/drives/{drive['id']}"
        return self._drive

    def _call(
        self, method: str, url: str, *, accept: tuple[int, ...], authorised: bool = True, **more
    ) -> httpx.Response:
        """One call with retries; raises TradewindError for an answer that is not among `accept`."""
        redirect = more.pop("redirect", False)
        try:
            response = patiently(self._authorised, method, url, authorised, follow_redirects=redirect, **more)
        except Transient as error:
            raise self._refused(method, url, str(error)) from error
        if response.status_code not in accept:
            raise self._refused(method, url, f"{response.status_code} {response.text[:300]}")
        return response

    def _authorised(self, method: str, url: str, authorised: bool, **more) -> httpx.Response:
        if not authorised:
            return self._once(method, url, **more)
        headers = more.pop("headers", {})
        response = self._once(
            method, url, headers=headers | {"Authorization": f"Bearer {self._bearer()}"}, **more
        )
        if response.status_code == 401:
            self._token = None
            bearer = {"Authorization": f"Bearer {self._bearer()}"}
            response = self._once(method, url, headers=headers | bearer, **more)
        return response

    def _once(self, method: str, url: str, **more) -> httpx.Response:
        return send_once(self._http, method, url, **more)

    def _bearer(self) -> str:
        if self._token is None:
            tenant, client_id, secret = self._credentials
            body = {
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": secret,
                "scope": "https://graph.microsoft.com/.default",
            }
            response = self._once("POST", f"{LOGIN}/{tenant}/oauth2/v2.0/token", data=body)
            if response.status_code != 200:
                raise self._refused("POST", "the token endpoint", str(response.status_code))
            self._token = response.json()["access_token"]
        return self._token

    @staticmethod
    def _refused(method: str, url: str, got: str) -> TradewindError:
        return TradewindError(
            where=f"Microsoft Graph {method} {url.split('?')[0]}",
            expected="the call to be accepted",
            got=got,
            remedy="check the connection's application, secret, site and its permission Sites.Selected; then run again",
        )
