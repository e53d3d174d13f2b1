"""The inbox: a folder of contract files, one stream per contract."""

from __future__ import annotations

from include.extract.contracts import CONTRACTS, Contract
from include.extract.manifest import Stream, System


def _stream(contract: Contract) -> Stream:
    return Stream(
        name=contract.name,
        columns=contract.columns,
        key=contract.key,
        contract=contract.name,
        contract_key={name: (name,) for name in contract.key},
        rules=contract.rules,
        amount=contract.amount,
        minimum_rows=contract.minimum_rows,
        prefilled=contract.prefilled,
    )


SYSTEM = System(
    name="files", title="Contract files", schedule="0 1 * * *", streams=tuple(map(_stream, CONTRACTS))
)
