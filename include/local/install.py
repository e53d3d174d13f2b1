"""Makes `.venv` from requirements.lock, with every hash checked; run by make before anything else.

Standard library only, in a syntax that Python 3.6 reads: it must start under any Python 3 to say which one is
needed. A finished environment is stamped with the lock's hash and the packages it holds; one that is half
installed, damaged, moved or of another lock is made again.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

TESTED = (3, 11)
RESOLVED = ((3, 11), (3, 12), (3, 13))

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".tradewind.json"
LOCK = ROOT / "requirements.lock"


def main():
    """Leave a complete `.venv` behind, or exit 1 with what to install."""
    version = sys.version_info[:2]
    if version not in RESOLVED:
        stop(
            f"Tradewind needs Python 3.11 (3.12 and 3.13 are resolved but untested); this is {version[0]}.{version[1]}.",
            "sudo apt-get install -y python3.11 python3.11-venv   (or: make PYTHON=<path of a python3.11> ...)",
        )
    if is_complete():
        return 0
    refuse_running()
    if version != TESTED:
        say(
            f"Python {version[0]}.{version[1]}: the lock resolves for it, but Tradewind is only tested on 3.11."
        )
    uv = working_uv()
    if uv is None:
        refuse_without_venv()
    started = time.time()
    say(f"Installing {LOCK.name} with {'uv' if uv else 'pip'}: about 1 GB, one to three minutes")
    if VENV.exists():
        say("The environment there is incomplete, moved or of another lock: making it again")
        shutil.rmtree(str(VENV))
    run([sys.executable, "-m", "venv", str(VENV)] + (["--without-pip"] if uv else []))
    checked = ["--no-deps", "--require-hashes", "-r", str(LOCK)]
    if uv:
        run([uv, "pip", "install", "--quiet", "--python", str(PYTHON), *checked])
    else:
        run([str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *checked])
    write_stamp()
    say(f"Environment ready in {time.time() - started:.0f} s")
    return 0


def is_complete():
    """Whether the environment holds what the stamp of this lock says, and its Python starts."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    if (
        stamp["lock"] != lock_hash()
        or stamp["root"] != str(ROOT)
        or not set(stamp["packages"]) <= set(installed())
    ):
        return False
    return PYTHON.exists() and subprocess.call([str(PYTHON), "-S", "-c", ""], stderr=subprocess.DEVNULL) == 0


def write_stamp():
    """Say that the installation finished."""
    stamp = {"lock": lock_hash(), "root": str(ROOT), "packages": sorted(installed())}
    partial = STAMP.with_suffix(".partial")
    partial.write_text(json.dumps(stamp))
    partial.replace(STAMP)


def lock_hash():
    """sha256 of requirements.lock."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def installed():
    """Names in site-packages: packages and their metadata folders."""
    entries = VENV.glob("lib/python*/site-packages/*")
    return [entry.name for entry in entries if entry.name != "__pycache__"]


def refuse_running():
    """Exit when this clone's own stand still runs from the environment that is to be replaced."""
    state = Path(os.environ.get("TRADEWIND_STATE") or ROOT / ".state")
    workplace = str((state / "run").resolve())
    for entry in Path("/proc").glob("[0-9]*/cwd") if VENV.exists() else []:
        try:
            running = str(entry.resolve()) == workplace
        except OSError:
            continue
        if running:
            stop("The locked requirements changed while the local stand runs.", "make down")


def working_uv():
    """The uv on PATH when it starts (a version manager's placeholder does not), else None."""
    uv = shutil.which("uv")
    if uv and subprocess.call([uv, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
        return uv
    return None


def refuse_without_venv():
    """Exit where Debian's Python came without its venv package."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        major, minor = sys.version_info[:2]
        stop(
            "This Python cannot make virtual environments.",
            f"sudo apt-get install -y python{major}.{minor}-venv",
        )


def run(argv):
    """Run a command with its output shown; exit when it fails."""
    code = subprocess.call(argv, cwd=str(ROOT))
    if code != 0:
        stop(
            f"{' '.join(argv[:5])} ended with {code}; its reason stands above.", "mend it and run make again"
        )


def say(text):
    """One line of progress, at once."""
    print(text, flush=True)


def stop(problem, remedy):
    """Exit 1 with the problem and what to do."""
    sys.exit(f"{problem}\n  to do: {remedy}")


if __name__ == "__main__":
    sys.exit(main())
