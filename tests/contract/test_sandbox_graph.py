"""The simulated SharePoint over Microsoft Graph: byte-exact contents, sessions that resume, names that do not clash."""

from __future__ import annotations

import hashlib
import random

import httpx
import pytest

from include.sandbox.vendors.graph import connections
from include.sandbox.vendors.graph.hashes import digests

FRAGMENT = 320 * 1024 * 8
LARGE = random.Random(7).randbytes(12 * 1024 * 1024 + 123)
GRAPH = "https://graph.microsoft.com/v1.0"


class Library:
    """A tenant's document library, as a program with the connection's facts would reach it."""

    def __init__(self, sandbox, tenant: str):
        self.facts = connections(sandbox.ports, tenant)["sharepoint"]
        self.http = httpx.Client(timeout=30)
        extra = self.facts["extra"]
        self.http.headers["Authorization"] = f"Bearer {self.token()['access_token']}"
        site = self.get(f"/sites/{extra['site_host']}:{extra['site_path']}").json()
        self.drive = self.get(f"/sites/{site['id']}/drives").json()["value"][0]["id"]
        self.root = f"/drives/{self.drive}"

    def token(self, **changes) -> dict:
        extra = self.facts["extra"]
        form = {
            "grant_type": "client_credentials",
            "client_id": self.facts["login"],
            "client_secret": self.facts["password"],
            "scope": extra["scope"],
        }
        return self.http.post(
            f"{extra['authority']}/{extra['tenant_id']}/oauth2/v2.0/token", data=form | changes
        ).json()

    def get(self, path: str, **more) -> httpx.Response:
        return self.http.get(GRAPH + path, **more)

    def put(self, path: str, content: bytes, **more) -> httpx.Response:
        return self.http.put(f"{GRAPH}{self.root}/root:/{path}:/content", content=content, **more)

    def item(self, path: str) -> dict:
        return self.get(f"{self.root}/root:/{path}").json()

    def content(self, path: str) -> bytes:
        return self.get(f"{self.root}/root:/{path}:/content", follow_redirects=True).content

    def session(self, path: str, **item) -> str:
        answer = self.http.post(f"{GRAPH}{self.root}/root:/{path}:/createUploadSession", json={"item": item})
        return answer.json()["uploadUrl"]


def send(url: str, content: bytes, first: int, last: int | None = None, client=httpx) -> httpx.Response:
    """Send bytes `first`..`last` of `content` to an upload address."""
    last = min(first + FRAGMENT, len(content)) - 1 if last is None else last
    headers = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
    return client.put(url, content=content[first : last + 1], headers=headers, timeout=30)


@pytest.fixture
def library(sandbox) -> Library:
    return Library(sandbox, "demo")


def test_small_file_comes_back_byte_for_byte(library):
    content = bytes(range(256)) * 41
    made = library.put("Compensation/Output/small file ä.bin", content)
    assert made.status_code == 201 and library.content("Compensation/Output/small file ä.bin") == content
    shown = library.item("compensation/OUTPUT/Small file Ä.bin")
    assert shown["file"]["hashes"]["sha256Hash"] == hashlib.sha256(content).hexdigest().upper()
    assert shown["parentReference"]["path"].endswith("root:/Compensation/Output")
    again = library.put("Compensation/Output/small file ä.bin", b"")
    assert (again.status_code, again.json()["size"], again.json()["id"]) == (200, 0, made.json()["id"])
    assert again.json()["eTag"] != made.json()["eTag"]


def test_content_is_a_redirect_to_an_address_without_token(library):
    library.put("redirected.txt", b"text")
    answer = library.get(f"{library.root}/root:/redirected.txt:/content")
    assert answer.status_code == 302
    assert httpx.get(answer.headers["location"]).content == b"text"
    assert httpx.get(answer.headers["location"][:-3] + "xxx").status_code == 401


def test_large_file_by_upload_session(library):
    url, first = library.session("large.bin"), 0
    while (answer := send(url, LARGE, first)).status_code == 202:
        first = int(answer.json()["nextExpectedRanges"][0].split("-")[0])
    assert answer.status_code == 201 and answer.json()["size"] == len(LARGE)
    assert library.content("large.bin") == LARGE
    assert httpx.get(url).status_code == 404, "a finished session is gone"


def test_upload_cut_after_the_second_fragment_resumes(sandbox, library):
    sandbox.fault({"host": "demo.sharepoint.com", "method": "PUT", "kind": "lose_response", "skip": 1})
    url = library.session("cut.bin")
    assert send(url, LARGE, 0).status_code == 202
    with pytest.raises(httpx.RemoteProtocolError):
        send(url, LARGE, FRAGMENT)
    overlap = send(url, LARGE, FRAGMENT)
    assert overlap.status_code == 416 and overlap.json()["error"]["innererror"]["code"] == "fragmentOverlap"
    expected = httpx.get(url).json()["nextExpectedRanges"]
    assert expected == [f"{2 * FRAGMENT}-{len(LARGE) - 1}"]
    first = 2 * FRAGMENT
    while (answer := send(url, LARGE, first)).status_code == 202:
        first += FRAGMENT
    assert answer.status_code == 201 and library.content("cut.bin") == LARGE


def test_upload_survives_a_restart_of_the_sandbox(sandbox, library):
    url = library.session("restarted.bin")
    assert send(url, LARGE, 0).status_code == 202
    sandbox.stop()
    sandbox.start()
    first = FRAGMENT
    while (answer := send(url, LARGE, first)).status_code == 202:
        first += FRAGMENT
    assert answer.status_code == 201
    assert Library(sandbox, "demo").content("restarted.bin") == LARGE


def test_lost_answer_of_the_last_fragment(sandbox, library):
    content = LARGE[:FRAGMENT]
    url = library.session("last.bin")
    sandbox.fault({"host": "demo.sharepoint.com", "method": "PUT", "kind": "lose_response"})
    with pytest.raises(httpx.RemoteProtocolError):
        send(url, content, 0)
    assert httpx.get(url).status_code == 404 and library.content("last.bin") == content


def test_expired_session_and_cancelled_session_are_404(sandbox, library):
    url = library.session("expired.bin")
    sandbox.fault({"host": "demo.sharepoint.com", "kind": "expire_upload"})
    assert send(url, LARGE, 0).status_code == 404
    url = library.session("cancelled.bin")
    assert httpx.delete(url).status_code == 204 and send(url, LARGE, 0).status_code == 404


@pytest.mark.parametrize(
    ("first", "last", "status"),
    [(FRAGMENT, None, 416), (0, 1000, 400), (5, None, 416), (0, 60 * 1024 * 1024, 400)],
)
def test_fragment_rules(library, first, last, status):
    url = library.session("rules.bin")
    assert send(url, LARGE, first, last).status_code == status
    assert httpx.put(url, content=b"x", headers={"Content-Range": "bytes 0-4/5"}).status_code == 400
    assert httpx.put(url, content=b"x").status_code == 400


def test_publish_under_a_temporary_name_then_rename(library):
    library.put("report.xlsx", b"old")
    temporary = library.put("report.xlsx.part", b"new").json()
    address, wanted = f"{GRAPH}{library.root}/items/{temporary['id']}", {"name": "report.xlsx"}
    stale = library.http.patch(address, json=wanted, headers={"If-Match": '"{other},1"'})
    assert stale.status_code == 412
    taken = library.http.patch(address, json=wanted, headers={"If-Match": temporary["eTag"]})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "nameAlreadyExists")
    moved = library.http.patch(
        f"{address}?@microsoft.graph.conflictBehavior=replace",
        json=wanted,
        headers={"If-Match": temporary["eTag"]},
    )
    assert moved.status_code == 200 and library.content("report.xlsx") == b"new"
    assert library.get(f"{library.root}/root:/report.xlsx.part").status_code == 404


def test_folders_conflicts_listing_and_move(library):
    def folder(parent: str, name: str, behaviour: str) -> httpx.Response:
        body = {"name": name, "folder": {}, "@microsoft.graph.conflictBehavior": behaviour}
        return library.http.post(f"{GRAPH}{library.root}/{parent}/children", json=body)

    archive = folder("root", "Archive", "fail")
    assert archive.status_code == 201
    assert folder("root", "archive", "fail").status_code == 409
    assert folder("root", "Archive", "replace").json()["id"] == archive.json()["id"]
    assert folder("root", "Archive", "rename").json()["name"] == "Archive 1"
    assert folder("root", "bad|name", "fail").status_code == 400
    for year in range(2020, 2025):
        assert folder("root:/Archive:", str(year), "fail").status_code == 201
    first = library.get(f"{library.root}/root:/Archive:/children", params={"$top": "3"}).json()
    rest = library.http.get(first["@odata.nextLink"]).json()
    assert [item["name"] for item in first["value"] + rest["value"]] == [
        str(year) for year in range(2020, 2025)
    ]
    child, parent = first["value"][0]["id"], archive.json()["id"]
    into_itself = library.http.patch(
        f"{GRAPH}{library.root}/items/{parent}", json={"parentReference": {"id": child}}
    )
    assert into_itself.status_code == 400
    up = library.http.patch(f"{GRAPH}{library.root}/items/{child}", json={"parentReference": {"id": "root"}})
    assert up.status_code == 200 and library.item("2020")["folder"] == {"childCount": 0}
    assert library.http.delete(f"{GRAPH}{library.root}/items/{parent}").status_code == 204
    assert library.get(f"{library.root}/root:/Archive/2021").status_code == 404


def test_conflict_behaviour_of_uploads(library):
    library.put("kept.txt", b"1")
    query = {"@microsoft.graph.conflictBehavior": "fail"}
    assert library.put("kept.txt", b"2", params=query).status_code == 409
    query = {"@microsoft.graph.conflictBehavior": "rename"}
    assert library.put("kept.txt", b"2", params=query).json()["name"] == "kept 1.txt"
    assert library.content("kept.txt") == b"1"


def test_wrong_secret_wrong_scope_and_no_token(library):
    assert library.token(client_secret="x")["error"] == "invalid_client"
    assert library.token(scope="Files.Read")["error"] == "invalid_scope"
    assert httpx.get(f"{GRAPH}{library.root}").json()["error"]["code"] == "InvalidAuthenticationToken"


def test_expired_token(sandbox, library):
    sandbox.fault({"host": "graph.microsoft.com", "kind": "expire_token"})
    assert library.get(library.root).status_code == 401
    assert library.get(library.root).status_code == 401, "the token stays dead, a new one is needed"
    assert Library(sandbox, "demo").get(library.root).status_code == 200


def test_tenants_do_not_see_each_other(sandbox, library):
    library.put("secret.txt", b"demo only")
    other = Library(sandbox, "harbor")
    assert other.get(f"{library.root}/root:/secret.txt").status_code == 404
    assert other.get("/sites/demo.sharepoint.com:/sites/Finance").status_code == 404
    assert other.get(f"{other.root}/root:/secret.txt").status_code == 404


def test_files_of_the_world_appear(sandbox, tmp_path):
    place = sandbox.world / "alpha" / "sharepoint" / "Finance" / "Compensation" / "Input"
    place.mkdir(parents=True)
    (place / "quotas_2025.xlsx").write_bytes(b"quota")
    assert Library(sandbox, "alpha").content("Compensation/Input/quotas_2025.xlsx") == b"quota"


def test_quick_xor_hash_equals_the_definition(tmp_path):
    """Against the definition, byte by byte: rotate left by 11 bits per byte in 160 bits, then XOR the length."""
    for length in (0, 1, 159, 160, 161, 70_001):
        content = random.Random(length).randbytes(length)
        (tmp_path / "f").write_bytes(content)
        state = 0
        for index, byte in enumerate(content):
            turn = index * 11 % 160
            state ^= ((byte << turn) | (byte << turn >> 160)) & ((1 << 160) - 1)
        state ^= length << 96
        expected = state.to_bytes(20, "little")
        import base64

        assert digests(tmp_path / "f")["quickXorHash"] == base64.b64encode(expected).decode()
