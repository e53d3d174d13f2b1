"""`python -m include.local env`: the environment of this clone's processes, as shell exports."""

import shlex
import sys

from include.local import environment


def main(arguments: list[str]) -> int:
    """Print the exports; 2 for anything but `env`."""
    if arguments != ["env"]:
        print(__doc__)
        return 2
    for name, value in sorted(environment.build().items()):
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
