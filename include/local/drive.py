"""`make demo` and `make run`: the pipeline from files to results through the real scheduler.

    python -m include.local.drive demo [--keep]
    python -m include.local.drive run  [--keep]      with FILES, TENANT, AS_OF, CURRENCY in the environment

Both start what does not run yet, stop what they started unless `--keep` is given, show progress while Airflow
works, and end with a summary read from the warehouse. The exit code is 1 when the pipeline failed; refused rows
alone are reported and leave it 0.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

import psycopg

from include import settings
from include.errors import TradewindError
from include.local import company, environment, fingerprint, stack, summary
from include.local.airflow_api import Airflow
from include.local.company import Company
from include.local.follow import Follower, Run
from include.local.ports import Ports
from include.warehouse.session import Warehouse
from include.warehouse.tenants import ensure_tenant

DEMO_AS_OF = "2026-10-31"
FORECAST = "monthly_compensation_forecast"
CHAIN = ("transform", "reconcile", "publish", "close_period")
#: The day after the lag of October has passed: the demo shows a month end.
DEMO_CLOSE = "2026-11-06"
PARSE_SECONDS = 180


@dataclass(frozen=True)
class Plan:
    """What one command runs: the sources with their params, the companies, the business date."""

    sources: dict[str, dict[str, object]]
    companies: tuple[Company, ...]
    as_of: str
    forecasts: tuple[dict[str, object], ...]
    #: Business date of one more month end than the one that follows publish; empty for none.
    close_as_of: str = ""

    @property
    def period(self) -> str:
        return self.as_of[:7]


def demo(keep: bool) -> int:
    """The sandbox companies from files and CRM to published results; returns the exit code."""
    state = environment.state()
    print("Writing the sandbox companies (the same bytes every time)", flush=True)
    world = subprocess.Popen(
        [
            *(sys.executable, "-m", "include.sandbox.world", "write"),
            *(environment.build(sandbox=False)["TRADEWIND_INBOX"], "--state", str(state)),
        ],
        env=environment.process(sandbox=False),
        stdout=subprocess.DEVNULL,
    )
    return _with_stack(keep, lambda ports: _demo_on(ports, world))


def _demo_on(ports: Ports, world: subprocess.Popen) -> int:
    if world.wait() != 0:
        raise TradewindError(
            where="sandbox world",
            expected="the companies' files",
            got=f"exit code {world.returncode}",
            remedy="its reason stands above",
        )
    wh = Warehouse.from_environment()
    for each in company.DEMO:
        ensure_tenant(wh, each.tenant, each.name, each.settings)
    plan = Plan(
        sources={
            "extract__salesforce": {"as_of": DEMO_AS_OF, "tenant": None},
            "extract__files": {"as_of": DEMO_AS_OF, "tenant": None},
        },
        companies=company.DEMO,
        as_of=DEMO_AS_OF,
        forecasts=({"period": DEMO_AS_OF[:7], "as_of": DEMO_AS_OF, "dry_run": False},),
        close_as_of=DEMO_CLOSE,
    )
    before = _prints(wh, plan)
    outcome = _drive(ports, plan)
    _tell(plan, outcome)
    _tell_changes(before, _prints(wh, plan), ran_before=any(each for each in before.values()))
    return 1 if outcome.failed else 0


def run(keep: bool) -> int:
    """The pipeline over one folder of contract files; returns the exit code."""
    chosen = company.from_folder(os.environ.get("FILES", ""), os.environ.get("TENANT", ""))
    return _with_stack(keep, lambda ports: _run_on(ports, chosen))


def _run_on(ports: Ports, chosen: company.Folder) -> int:
    wh = Warehouse.from_environment()
    one = company.register(wh, chosen, os.environ.get("CURRENCY", ""))
    as_of, told = company.business_date(wh, one.tenant, os.environ.get("AS_OF", ""))
    print(f"Company {one.tenant} from {chosen.path}, business date {as_of} {told}", flush=True)
    plan = Plan(
        sources={"extract__files": {"as_of": as_of, "tenant": one.tenant, "folder": str(chosen.path)}},
        companies=(one,),
        as_of=as_of,
        forecasts=({"tenant": one.tenant, "period": as_of[:7], "as_of": as_of},),
    )
    outcome = _drive(ports, plan)
    with _reader(one.tenant) as conn:
        print("\n" + "\n".join(summary.files(conn, outcome.loads)))
    _tell(plan, outcome)
    return 1 if outcome.failed else 0


@dataclass
class Outcome:
    """How a plan ended."""

    loads: list[str]
    failed: list[str]
    no_forecast: str = ""
    not_tied: list[str] = field(default_factory=list)


def _drive(ports: Ports, plan: Plan) -> Outcome:
    """Run the sources, follow what they start, and the forecast as soon as the marts are built."""
    state = environment.state()
    airflow = Airflow(ports.ui, environment.own_secrets(state).admin_password)
    follower = Follower(airflow, str(state / "logs"), say=lambda text: print(text, flush=True))
    dags = [*plan.sources, *CHAIN, FORECAST]
    _await_dags(airflow, dags)
    paused = {dag_id: airflow.get(f"/dags/{dag_id}")["is_paused"] for dag_id in dags}
    scheduled = [dag_id for dag_id in (*plan.sources, FORECAST, "close_period") if paused[dag_id]]
    print("Running the pipeline (dag, tasks done, what runs now)", flush=True)
    try:
        return _follow(airflow, follower, plan)
    finally:
        # What runs by the clock goes back to sleep; what runs by events stays awake for the UI.
        for dag_id in scheduled:
            airflow.pause(dag_id, True)


def _follow(airflow: Airflow, follower: Follower, plan: Plan) -> Outcome:
    sources = _extract(airflow, follower, plan)
    outcome = Outcome(loads=[run.run_id for run in sources], failed=[])
    transform = follower.next_run(sources, may_be_missed=len(sources) > 1)
    if transform is None and not any(run.state == "failed" for run in sources):
        transform = follower.start("transform", {"as_of": plan.as_of})
    if transform is None:
        return _finished(follower, outcome)
    follower.wait([transform])
    # A transform that announced its marts and failed afterwards is the statement gate: the rest goes on.
    reconcile = follower.next_run([transform])
    if reconcile is None:
        return _finished(follower, outcome)
    airflow.pause(FORECAST, False)
    # Those that an event of this transform has started are waited for too.
    forecasts = follower.active(FORECAST) + [follower.start(FORECAST, conf) for conf in plan.forecasts]
    follower.wait([reconcile])
    publish = follower.next_run([reconcile])
    if publish is not None:
        follower.wait([publish])
    # A month is closed after its compensation was accrued.
    _wait_for_forecasts(airflow, follower, forecasts, outcome)
    if publish is not None:
        _close(follower, plan, publish, outcome)
    return _finished(follower, outcome)


def _close(follower: Follower, plan: Plan, publish: Run, outcome: Outcome) -> None:
    """The month end that follows publish, and the one the plan asks for; a period that does not tie is a finding."""
    closes = [run for run in (follower.next_run([publish]),) if run is not None]
    follower.wait(closes)
    if plan.close_as_of:
        closes.append(follower.start("close_period", {"as_of": plan.close_as_of, "dry_run": False}))
        follower.wait(closes[-1:])
    for run in closes:
        if run.state == "failed" and (reason := follower.not_tied(run)):
            outcome.not_tied.append(reason)
            follower.forget(run)


def _extract(airflow: Airflow, follower: Follower, plan: Plan) -> list[Run]:
    """All sources side by side. `transform` is held until the last but one arrived, so that it runs once."""
    for dag_id in (*plan.sources, *CHAIN):
        airflow.pause(dag_id, dag_id == "transform" and len(plan.sources) > 1)
    sources = [follower.start(dag_id, conf) for dag_id, conf in plan.sources.items()]
    held = len(plan.sources) > 1
    while not all(run.is_over for run in sources):
        follower.step()
        still = [run for run in sources if not run.is_over and not follower.arrived(run)]
        if held and len(still) <= 1:
            airflow.pause("transform", False)
            held = False
    return sources


def _wait_for_forecasts(airflow: Airflow, follower: Follower, forecasts: list[Run], outcome: Outcome) -> None:
    """Wait for the forecasts; one whose inputs are missing is no failure of the pipeline."""
    while not all(run.is_over for run in forecasts):
        follower.step()
        for run in forecasts:
            reason = "" if run.is_over else follower.missing_input(run)
            if reason:
                outcome.no_forecast = reason
                airflow.fail_run(run.dag_id, run.run_id)
                follower.forget(run)
    for run in forecasts:
        if run in follower.runs and run.state == "failed" and (reason := follower.missing_input(run)):
            outcome.no_forecast = reason
            follower.forget(run)


def _finished(follower: Follower, outcome: Outcome) -> Outcome:
    for run in follower.runs:
        if run.state == "failed":
            outcome.failed += follower.explain(run)
    print(f"  {follower.elapsed():>6}  pipeline {'FAILED' if outcome.failed else 'done'}", flush=True)
    return outcome


def _await_dags(airflow: Airflow, dags: list[str]) -> None:
    """Wait until the DAG processor knows every DAG; an import error of one ends the wait."""
    deadline = time.monotonic() + PARSE_SECONDS
    while True:
        known = {dag["dag_id"] for dag in airflow.pages("/dags", "dags")}
        missing = [dag_id for dag_id in dags if dag_id not in known]
        if not missing:
            return
        errors = list(airflow.pages("/importErrors", "import_errors"))
        if errors or time.monotonic() > deadline:
            raise TradewindError(
                where="DAGs",
                expected=", ".join(missing),
                got="; ".join(f"{error['filename']}: {error['stack_trace'][-400:]}" for error in errors)
                or f"nothing after {PARSE_SECONDS} s",
                remedy="mend the import error, or see dag-processor.log",
            )
        time.sleep(1)


def _with_stack(keep: bool, work) -> int:
    """Do `work` on the running stand; stop the stand afterwards when it did not run before."""
    ran_before = stack.is_running(environment.state())
    try:
        ports = stack.up(say=lambda text: print(text, flush=True))
        environment.apply(ports)
        if not ran_before:
            stack.end_interrupted_runs(ports)
        code = work(ports)
        if keep or ran_before:
            print("\nRunning:\n  " + "\n  ".join(stack.summary(ports)))
        return code
    finally:
        if not keep and not ran_before:
            stack.down(say=lambda _: None)


def _prints(wh: Warehouse, plan: Plan) -> dict[str, dict[str, fingerprint.Print]]:
    with wh.pipeline() as conn:
        prints = {each.tenant: fingerprint.take(conn, each.tenant) for each in plan.companies}
    return {
        tenant: {name: found for name, found in tables.items() if found.rows}
        for tenant, tables in prints.items()
    }


def _tell(plan: Plan, outcome: Outcome) -> None:
    if outcome.failed:
        print("\nThe pipeline FAILED:\n" + "\n".join(f"  {line}" for line in outcome.failed))
    for each in plan.companies:
        print(f"\n{each.name} ({each.tenant}), business date {plan.as_of}")
        with _reader(each.tenant) as conn:
            print("\n".join(summary.company(conn, outcome.loads, plan.period)))
        if outcome.no_forecast:
            print(f"  {'':<10} no forecast: {outcome.no_forecast}")
        folder = settings.output(each.tenant, plan.period)
        for path in sorted(folder.glob("*.xlsx")) + sorted(folder.glob("*.pdf")):
            print(f"  {'See':<10} {path}")
    tenant = plan.companies[0].tenant
    print(f'\nLook further: make up · make sql TENANT={tenant} Q="select * from finance.claims limit 10"')


def _tell_changes(before: dict, after: dict, *, ran_before: bool) -> None:
    if not ran_before:
        return
    changed = [
        f"{tenant} {line}" for tenant in after for line in fingerprint.changes(before[tenant], after[tenant])
    ]
    if changed:
        print("\nChanged since the run before:\n  " + "\n  ".join(changed))
        return
    tables = sum(len(prints) for prints in after.values())
    rows = sum(found.rows for prints in after.values() for found in prints.values())
    print(
        f"\nNothing changed: {tables} tables with {rows:,} rows are the same as before this run, none duplicated."
    )


def _reader(tenant: str) -> psycopg.Connection:
    dsn = environment.dsn(environment.remembered(environment.state()), f"tw_reader_{tenant}")
    return psycopg.connect(dsn)


def main(arguments: list[str]) -> int:
    """Run one command; 1 with the reason when it fails, 130 when interrupted."""
    keep = "--keep" in arguments
    command = {"demo": demo, "run": run}.get(arguments[0] if arguments else "")
    if command is None:
        print(__doc__)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return command(keep)
    except TradewindError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run it again: it goes on from what is stored.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
