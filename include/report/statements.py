"""The financial statements as one JSON file: every legal entity and period, in the shape other systems read (GLS-06)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

_AMOUNT = {"type": "string", "pattern": r"^-?\d+\.\d{4}$"}
_LINES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["section", "line", "amount"],
        "properties": {"section": {"type": "string"}, "line": {"type": "string"}, "amount": _AMOUNT},
    },
}


def _statement(*figures: str) -> dict[str, object]:
    return {
        "type": "object",
        "required": [*figures, "lines"],
        "properties": {**dict.fromkeys(figures, _AMOUNT), "lines": _LINES},
        "additionalProperties": False,
    }


#: JSON schema of the file.
SCHEMA: dict[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "array",
    "items": {
        "type": "object",
        "required": ["company_code", "company_name", "currency", "reporting_period", "financial_statements"],
        "properties": {
            "company_code": {"type": "string"},
            "company_name": {"type": "string", "minLength": 1},
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "reporting_period": {
                "type": "object",
                "required": ["year", "period"],
                "properties": {"year": {"type": "integer"}, "period": {"type": "integer", "minimum": 0}},
            },
            "financial_statements": {
                "type": "object",
                "required": ["balance_sheet", "income_statement"],
                "properties": {
                    "balance_sheet": _statement(
                        "current_assets",
                        "total_assets",
                        "current_liabilities",
                        "total_liabilities",
                        "shareholders_equity",
                    ),
                    "income_statement": _statement("revenue", "total_expenses", "other_income", "net_income"),
                },
            },
        },
        "additionalProperties": False,
    },
}


def write_statements(payloads: Sequence[dict[str, object]], path: Path) -> None:
    """Write the payloads to `path` as they come; the same statements give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(payload, sort_keys=True, ensure_ascii=False) for payload in payloads)
    path.write_text(f"[\n{lines}\n]\n" if lines else "[]\n", encoding="utf-8")
