"""Where the sandbox keeps its files and which ports it listens on, from the environment."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from include import settings
from include.errors import TradewindError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """The four listeners: vendors over TLS, the proxy clients are pointed at, fault administration, Snowflake."""

    tls: int = 8443
    tunnel: int = 8899
    admin: int = 8090
    snowflake: int = 8444

    @classmethod
    def from_environment(cls) -> Ports:
        """Read TRADEWIND_PORT_SANDBOX_{TLS,TUNNEL,ADMIN,SNOWFLAKE}; raise TradewindError on anything not a port."""
        found = {}
        for field in fields(cls):
            name = cls.variable(field.name)
            text = os.environ.get(name, "").strip() or str(field.default)
            if not text.isdigit() or not 1 <= int(text) <= 65535:
                raise TradewindError(
                    where=name,
                    expected="a port from 1 to 65535",
                    got=repr(text),
                    remedy=f"set {name} to a free port",
                )
            found[field.name] = int(text)
        return cls(**found)

    @staticmethod
    def variable(listener: str) -> str:
        """The environment variable that moves one listener."""
        return f"TRADEWIND_PORT_SANDBOX_{listener.upper()}"

    def as_dict(self) -> dict[str, int]:
        """Listener name to port."""
        return asdict(self)


def state_folder() -> Path:
    """The sandbox's own folder: $TRADEWIND_STATE/sandbox, by default .state/sandbox of the clone."""
    return settings.state().resolve() / "sandbox"
