"""`make forecast`: one tenant's compensation forecast without Airflow, its blocks on the processors of this machine or elsewhere.

    python -m include.local.forecast    with PERIOD, TENANT (default demo), AS_OF, WORKERS and EXCHANGE in the environment

With EXCHANGE=<folder> the blocks are another machine's work: the first call writes the questions and the code's bundle
there and says how to answer them with Spark, the next one reads the answers and finishes.
"""

from __future__ import annotations

import os
import re
import sys
from datetime import date
from pathlib import Path

from include import fiscal
from include.errors import TradewindError
from include.flows import forecast, forecast_blocks
from include.local import environment, stack
from include.local.verify import asked_tenants
from include.machines import bundle, exchange
from include.settings import home, output
from include.warehouse.forecasts import read_summary
from include.warehouse.session import Warehouse

_RUN = "make forecast"


def forecast_here(
    wh: Warehouse, tenant: str, period: str, as_of: date, *, workers: int, folder: Path | None, say=print
) -> bool:
    """Forecast `period`; False when blocks are still to be computed by whoever reads the exchange `folder`."""
    asked = {"period": period, "as_of": as_of, "run_id": _RUN}
    if folder is None:
        ids = forecast.run_forecast(wh, tenant, **asked, trigger=_RUN, workers=workers)
    else:
        ids = forecast.freeze_inputs(wh, tenant, **asked, trigger=_RUN)
        stored = forecast_blocks.import_blocks(wh, tenant, exchange.answers(folder))
        if forecast_blocks.export_questions(wh, tenant, ids, folder):
            code = bundle.write_bundle(folder / "tradewind.zip")
            say(f"{stored} blocks read; the questions for the others are in {folder}. Answer them with")
            say(
                f"  spark-submit {home() / 'include/machines/spark_job.py'} --exchange {folder} --bundle {code}"
            )
            say("then run the same command again.")
            return False
        forecast.conclude(wh, tenant, **asked, simulation_ids=ids)
    for simulation_id in ids:
        with wh.engine(tenant) as conn:
            summary = read_summary(conn, simulation_id)
        say(
            f"{summary['scenario_id']:<16} mean {summary['mean']:>18,.2f}  P95 {summary['var_95']:>18,.2f}"
            f" {summary['currency']}  {simulation_id}"
        )
    say(f"workbook and report in {output(tenant, period)}")
    return True


def _asked() -> tuple[str, date, int, Path | None]:
    values = {name: os.environ.get(name, "").strip() for name in ("PERIOD", "AS_OF", "WORKERS", "EXCHANGE")}
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", values["PERIOD"]):
        raise _bad("PERIOD", "a month YYYY-MM", values["PERIOD"])
    workers = values["WORKERS"] or str(os.cpu_count() or 1)
    if not workers.isdigit() or int(workers) < 1:
        raise _bad("WORKERS", "a number of processes from 1 on", workers)
    try:
        as_of = date.fromisoformat(values["AS_OF"]) if values["AS_OF"] else fiscal.last_day(values["PERIOD"])
    except ValueError:
        raise _bad("AS_OF", "a date YYYY-MM-DD", values["AS_OF"]) from None
    return (
        values["PERIOD"],
        as_of,
        int(workers),
        Path(values["EXCHANGE"]).absolute() if values["EXCHANGE"] else None,
    )


def _bad(name: str, expected: str, got: str) -> TradewindError:
    return TradewindError(where=name, expected=expected, got=got, remedy="correct it and run again")


def main() -> int:
    """0 when the forecast stands or waits for other machines, 1 with the reason when it cannot be made."""
    try:
        period, as_of, workers, folder = _asked()
        with stack.database() as ports:
            environment.apply(ports)
            wh = Warehouse.from_environment()
            [tenant] = asked_tenants(wh, os.environ.get("TENANT", "").strip() or "demo")
            forecast_here(wh, tenant, period, as_of, workers=workers, folder=folder)
    except TradewindError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
