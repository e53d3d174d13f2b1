"""The code a cluster needs, as one zip for Spark's py-files: `python -m include.machines.bundle FILE`.

The same code gives the same bytes.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_PARTS = (
    "include/__init__.py",
    "include/errors.py",
    "include/money.py",
    "include/forecast",
    "include/machines",
)


def bundle_bytes() -> bytes:
    """The zip."""
    files = sorted(
        found
        for part in _PARTS
        for found in ([_ROOT / part] if part.endswith(".py") else (_ROOT / part).glob("*.py"))
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for found in files:
            entry = zipfile.ZipInfo(found.relative_to(_ROOT).as_posix())
            entry.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(entry, found.read_bytes())
    return packed.getvalue()


def write_bundle(path: Path) -> Path:
    """Write the zip to `path` and return it."""
    path.write_bytes(bundle_bytes())
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{write_bundle(Path(sys.argv[1]))}\n")
