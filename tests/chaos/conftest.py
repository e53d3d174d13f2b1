"""The chaos tests speak to the same sandbox as the contract tests."""

from tests.contract.conftest import sandbox, sandbox_process

__all__ = ["sandbox", "sandbox_process"]
