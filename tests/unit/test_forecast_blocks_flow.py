"""Blocks that others computed, in the warehouse: stored once, refused when they answer another question."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from include.errors import TradewindError
from include.flows import forecast, forecast_blocks, forecast_reports
from include.local import forecast as local_forecast
from include.local.forecast import forecast_here
from include.machines import exchange
from include.machines.wire import Question, pack, unpack
from include.warehouse.tenants import ensure_tenant
from tests.unit.test_forecast_flow import AS_OF, PERIOD, contents, query, run, wh

__all__ = ["wh"]


@pytest.fixture
def asked(wh, tmp_path) -> tuple[list[str], dict[str, bytes]]:
    """Frozen simulations, exported, and the blocks that another machine made of them, by file name."""
    ids = forecast.freeze_inputs(wh, "alpha", period=PERIOD, as_of=AS_OF, run_id="run-1")
    forecast_blocks.export_questions(wh, "alpha", ids, tmp_path)
    exchange.answer_all(str(tmp_path), map)
    return ids, {path.name: path.read_bytes() for path in sorted(tmp_path.glob("*.block"))}


def load(wh, blocks: dict[str, bytes]) -> int:
    return forecast_blocks.import_blocks(wh, "alpha", blocks.values())


def test_blocks_of_other_machines_end_as_our_own(wh, asked, tmp_path):
    ids, blocks = asked
    assert len(blocks) == 2 * 4
    assert load(wh, blocks) == 8
    assert load(wh, blocks) == 0
    assert query(wh, "SELECT DISTINCT status, progress FROM planning.monte_carlo_runs") == [("running", 90)]
    hashes = [forecast.summarise(wh, "alpha", simulation_id) for simulation_id in ids]
    theirs = {name: rows for name, rows in contents(wh).items() if name != "runs"}
    with wh.admin() as conn:
        conn.execute("TRUNCATE planning.monte_carlo_runs CASCADE")
    assert run(wh, tmp_path, workers=2) == ids
    assert [row[0] for row in query(wh, "SELECT result_hash FROM planning.monte_carlo_runs"
                                        " ORDER BY scenario_id")] == hashes  # fmt: skip
    assert {name: rows for name, rows in contents(wh).items() if name != "runs"} == theirs


def test_only_missing_blocks_are_asked_for(wh, asked, tmp_path):
    ids, blocks = asked
    load(wh, dict(list(blocks.items())[:6]))
    _, orders = forecast_blocks.pending(wh, "alpha", ids)
    assert len(orders) == 2
    paths = forecast_blocks.export_questions(wh, "alpha", ids, tmp_path / "again")
    assert len(paths) == 1


def tampered(block: bytes, **changes: object) -> bytes:
    """The block packed again, whole but another."""
    answer = unpack(block)
    totals = replace(
        answer.totals, **{k: v for k, v in changes.items() if k in ("groups", "rep_sums", "start")}
    )
    asked = Question(
        str(changes.get("simulation_id", answer.simulation_id)), int(changes.get("seed", answer.seed)),
        str(changes.get("input_hash", answer.input_hash)), "",
    )  # fmt: skip
    return pack(asked, int(changes.get("block_no", answer.block_no)), totals)


def test_what_answers_another_question_is_refused(wh, asked):
    _, blocks = asked
    first = next(iter(blocks.values()))
    groups = unpack(first).totals.groups
    shifted = {name: np.roll(vector, 1) for name, vector in groups.items()}
    fewer = {name: vector for name, vector in groups.items() if name[0] != "role"}
    more = {**groups, ("total", ""): groups[("total", "")] + 1}
    for changes, reason in (
        ({"seed": 1}, "seed"),
        ({"input_hash": "0" * 64}, "inputs"),
        ({"block_no": 1}, "plan"),
        ({"block_no": -1}, "plan"),
        ({"start": 10**9}, "plan"),
        ({"groups": fewer}, "groups"),
        ({"groups": more}, "add up"),
        ({"rep_sums": np.ones(3, dtype=np.int64)}, "a sum per rep"),
        ({"groups": shifted}, "the cents that this machine computes"),
        ({"simulation_id": "sim_" + "0" * 32}, "a simulation of this tenant"),
    ):
        with pytest.raises(TradewindError, match=reason):
            load(wh, {"x": tampered(first, **changes)})
    assert query(wh, "SELECT count(*) FROM planning.monte_carlo_blocks") == [(0,)]


def test_another_tenants_block_is_unknown(wh, asked):
    _, blocks = asked
    with pytest.raises(TradewindError, match="a simulation of this tenant"):
        forecast_blocks.import_blocks(wh, "beta", blocks.values())


@pytest.mark.parametrize(("sampling", "units"), [("antithetic", 512), ("sobol", 16)])
def test_a_sampling_is_stored_with_what_its_errors_come_from(wh, tmp_path, sampling, units):
    changes = {"iterations": 1024, "block": 300, "sampling": sampling}
    ensure_tenant(wh, "alpha", "Alpha Foods", {"forecast": changes})
    run(wh, tmp_path)
    [(method, independent, ess, error, sd)] = query(
        wh,
        "SELECT sampling, independent_units, ess, se_mean, sd FROM planning.monte_carlo_summary"
        " WHERE scenario_id = 'base'",
    )
    assert (method, independent) == (sampling, units)
    assert ess == pytest.approx(float(sd / error) ** 2, rel=0.01)
    last = query(
        wh,
        "SELECT DISTINCT ON (c.simulation_id) (c.iterations, c.mean, c.se_mean, c.p95)"
        " = (s.iterations, s.mean, s.se_mean, s.p95)"
        " FROM planning.monte_carlo_convergence c JOIN planning.monte_carlo_summary s USING (simulation_id)"
        " ORDER BY c.simulation_id, c.iterations DESC",
    )
    assert last == [(True,), (True,)]
    assert ess > 1024


@pytest.mark.parametrize(
    ("name", "value"), [("PERIOD", "2026-13"), ("AS_OF", "soon"), ("WORKERS", "0"), ("WORKERS", "many")]
)
def test_make_forecast_names_what_it_cannot_read(monkeypatch, capsys, name, value):
    monkeypatch.setenv("PERIOD", PERIOD)
    monkeypatch.setenv(name, value)
    assert local_forecast.main() == 1
    assert name in capsys.readouterr().err


def test_make_forecast_asks_other_machines_and_finishes_with_their_answers(wh, tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_OUTPUT", str(tmp_path / "output"))
    said: list[str] = []
    folder = tmp_path / "exchange"

    def ask() -> bool:
        return forecast_here(wh, "alpha", PERIOD, AS_OF, workers=1, folder=folder, say=said.append)

    assert not ask()
    assert any("spark-submit" in line for line in said)
    exchange.answer_all(str(folder), map)
    assert ask()
    assert [line.split()[0] for line in said if "P95" in line] == ["base", "strong_year"]
    assert (tmp_path / "output" / "alpha" / PERIOD / forecast_reports.PDF).is_file()
