"""Where the local stand keeps its files, and which user may enter there.

Everything lives in `.state/` of the clone. PostgreSQL refuses to run as root, so under root its files belong to
another user; where that user cannot enter the clone (a clone under /root, mode 0700), they live in
`/var/lib/tradewind/<hash of the state folder>` instead and `.state/postgres.location` says so.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from include.errors import TradewindError

SYSTEM_STATE = Path("/var/lib/tradewind")


@dataclass(frozen=True)
class ServerUser:
    """The user PostgreSQL runs as. `drop` is None where we are an ordinary user already."""

    name: str
    drop: tuple[int, int] | None

    def run(self, argv: list[str], **options) -> subprocess.CompletedProcess:
        """subprocess.run as this user, from `/`, with an environment that names no file of ours."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/tmp", "LC_ALL": "C"}
        if self.drop is not None:
            options |= {"user": self.drop[0], "group": self.drop[1], "extra_groups": []}
        return subprocess.run(argv, cwd="/", env=environment, text=True, check=False, **options)

    def can_enter(self, folder: Path) -> bool:
        """Whether this user reaches `folder` (which exists)."""
        if self.drop is None:
            return os.access(folder, os.X_OK)
        probe = self.run(["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)], capture_output=True)
        return probe.returncode == 0

    def give(self, folder: Path) -> None:
        """Make this user the owner of `folder` and everything in it."""
        if self.drop is None:
            return
        os.chown(folder, *self.drop)
        for base, folders, files in os.walk(folder):
            for name in (*folders, *files):
                os.chown(Path(base) / name, *self.drop, follow_symlinks=False)


def server_user() -> ServerUser:
    """Ourselves, or under root the user `postgres`, else `nobody`.

    Raises TradewindError when root finds neither.
    """
    if os.geteuid() != 0:
        return ServerUser(name=str(os.geteuid()), drop=None)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name=name, drop=(entry.pw_uid, entry.pw_gid))
    raise TradewindError(
        where="private PostgreSQL",
        expected="a user postgres or nobody to run the server as, because it refuses to run as root",
        got="neither",
        remedy="useradd --system postgres, or run make as an ordinary user",
    )


def location_file(data_dir: Path) -> Path:
    """The note beside `data_dir` that says where the data really is."""
    return data_dir.with_name(data_dir.name + ".location")


def existing_data(data_dir: Path) -> Path | None:
    """Where the cluster asked for as `data_dir` really is, or None when there is none yet."""
    note = location_file(data_dir)
    actual = Path(note.read_text().strip()) if note.exists() else data_dir
    return actual if (actual / "PG_VERSION").exists() else None


def server_home(data_dir: Path, user: ServerUser) -> Path:
    """The folder for `data_dir` and its companions that `user` can enter; made when missing.

    A system folder without our note belongs to a clone that was deleted; the caller removes what is in it.
    """
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    if user.can_enter(data_dir.parent):
        return data_dir.parent
    digest = hashlib.sha256(str(data_dir.parent.absolute()).encode()).hexdigest()[:16]
    home = SYSTEM_STATE / digest
    home.mkdir(parents=True, exist_ok=True, mode=0o755)
    if not user.can_enter(home):
        raise TradewindError(
            where="private PostgreSQL",
            expected=f"a folder that user {user.name} can enter",
            got=f"neither {data_dir.parent} nor {home}",
            remedy="clone to a folder that other users can enter, or run make as an ordinary user",
        )
    return home


def remove_tree(folder: Path) -> None:
    """Delete a folder that may not be there."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
