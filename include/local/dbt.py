"""dbt on the local warehouse: `python -m include.local.dbt <any dbt command>`, and `docs` for the static site."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys

from include import settings
from include.errors import TradewindError
from include.local import docs_server, environment, stack

#: Commands that read files only.
OFFLINE = ("parse", "ls", "list", "deps", "clean", "--version")


def dbt(arguments: list[str]) -> int:
    """Run dbt with this clone's project and profile; returns its exit code."""
    target = environment.state() / "dbt" / "cli"
    project = settings.home() / "dbt_project"
    offline = not arguments or arguments[0] in OFFLINE
    with contextlib.nullcontext() if offline else stack.database():
        command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", *arguments]
        if arguments and not arguments[0].startswith("-"):
            command += ["--project-dir", str(project), "--profiles-dir", str(project)]
            command += ["--target-path", str(target), "--log-path", str(target / "logs")]
        return subprocess.call(command, cwd=project, env=environment.process(sandbox=False))


def docs() -> int:
    """Build the docs into one page that needs no network, where the docs server and the UI look for it."""
    code = dbt(["docs", "generate", "--static", "--quiet"])
    if code == 0:
        site = docs_server.folder(environment.state())
        site.mkdir(parents=True, exist_ok=True)
        partial = site / "index.html.partial"
        shutil.copyfile(environment.state() / "dbt" / "cli" / "static_index.html", partial)
        partial.replace(site / "index.html")
        print(f"dbt docs: {site / 'index.html'}")
    return code


def main(arguments: list[str]) -> int:
    """`docs` alone builds the site; anything else goes to dbt."""
    try:
        return docs() if arguments == ["docs"] else dbt(arguments)
    except TradewindError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
