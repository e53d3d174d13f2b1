"""Follows runs through the real scheduler: what a run started, how far it is, why a task failed.

Asset-triggered runs are found through the events of the runs before them, so that what is waited for is what
this command caused, also while the scheduler works on other things.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from include.errors import TradewindError
from include.local.airflow_api import Airflow

#: Which DAG the event of another one starts.
NEXT = {
    "extract__files": "transform",
    "extract__salesforce": "transform",
    "transform": "reconcile",
    "reconcile": "publish",
    "publish": "close_period",
}
OVER = ("success", "failed")
DONE_TASKS = ("success", "skipped", "failed", "upstream_failed", "removed")
POLL_SECONDS = 1.5
REPEAT_SECONDS = 30
EVENT_SECONDS = 60
LOG_LINES = 12


@dataclass
class Run:
    """One DAG run that is waited for."""

    dag_id: str
    run_id: str
    state: str = "queued"
    shown: str = ""
    shown_at: float = 0.0
    over_at: float = 0.0
    reported: set[tuple] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        return self.state in OVER


class Follower:
    """Waits for runs and those they start, telling progress through `say`."""

    def __init__(self, airflow: Airflow, logs: str, say=print):
        self.airflow = airflow
        self.logs = logs
        self.say = say
        self.started = time.monotonic()
        self.runs: list[Run] = []

    def start(self, dag_id: str, conf: dict[str, object]) -> Run:
        """Start a run of `dag_id` and watch it."""
        return self.watch(dag_id, self.airflow.trigger(dag_id, conf))

    def watch(self, dag_id: str, run_id: str) -> Run:
        """Watch a run that exists; the same one twice is one."""
        for run in self.runs:
            if (run.dag_id, run.run_id) == (dag_id, run_id):
                return run
        self.runs.append(Run(dag_id, run_id))
        return self.runs[-1]

    def active(self, dag_id: str) -> list[Run]:
        """The runs of `dag_id` that wait or work by now, watched like those this command started."""
        runs = self.airflow.pages(f"/dags/{dag_id}/dagRuns", "dag_runs", state=["running", "queued"])
        return [self.watch(dag_id, run["dag_run_id"]) for run in runs]

    def wait(self, runs: list[Run]) -> list[Run]:
        """Wait until all of `runs` are over; returns those that failed."""
        while not all(run.is_over for run in runs):
            self.step()
        return [run for run in runs if run.state == "failed"]

    def step(self) -> None:
        """One round over every watched run that is not over."""
        time.sleep(POLL_SECONDS)
        for run in self.runs:
            if not run.is_over:
                self._refresh(run)

    def arrived(self, run: Run) -> bool:
        """Whether the run has announced its data: at least one asset event."""
        return bool(self._events(run))

    def next_run(self, runs: list[Run], *, may_be_missed: bool = False) -> Run | None:
        """The run that the events of `runs` started, waited for; None when they announced nothing.

        Raises TradewindError when an event starts nothing although nothing stands in its way. `may_be_missed`
        makes that None too: a DAG that was paused when the events came does not hear of them later.
        """
        dag_id = NEXT[runs[0].dag_id]
        deadline = time.monotonic() + EVENT_SECONDS
        while True:
            events = [event for run in runs for event in self._events(run)]
            for event in events:
                for created in event["created_dagruns"]:
                    if created["dag_id"] == dag_id:
                        return self.watch(dag_id, created["run_id"])
            if not events:
                return None
            if self._active(dag_id):
                deadline = time.monotonic() + EVENT_SECONDS
            if time.monotonic() > deadline:
                if may_be_missed:
                    return None
                raise TradewindError(
                    where=f"{dag_id} after {runs[0].dag_id}",
                    expected=f"a run started by its event within {EVENT_SECONDS} s",
                    got="none",
                    remedy=f"see scheduler.log in {self.logs}; is {dag_id} paused in the UI?",
                )
            self.step()

    def explain(self, run: Run) -> list[str]:
        """Why a run failed: each failing task with its last log lines and where the whole log is."""
        lines = []
        for task in self._tasks(run):
            if task["state"] == "failed":
                lines += self._explain_task(run, task)
        return lines or [f"{run.dag_id} failed without a failed task; see scheduler.log in {self.logs}"]

    def missing_input(self, run: Run) -> str:
        """The message of a task of `run` that failed for want of an input; empty when none did."""
        for task in self._tasks(run):
            if task["state"] in ("up_for_retry", "failed"):
                for line in self.airflow.log_tail(task, LOG_LINES):
                    if "MissingInput" in line:
                        return line.partition("MissingInput: ")[2] or line
        return ""

    def not_tied(self, run: Run) -> str:
        """Why the month end of a run left a period open; empty when anything but that verdict failed."""
        failed = [task for task in self._tasks(run) if task["state"] == "failed"]
        reasons = []
        for task in failed:
            if task["task_id"] != "verdict":
                return ""
            for line in self.airflow.log_tail(task, LOG_LINES):
                if "PeriodNotTied" in line:
                    reasons.append(line.partition("PeriodNotTied: ")[2] or line)
                    break
        return "; ".join(reasons)

    def forget(self, run: Run) -> None:
        """Stop watching a run."""
        self.runs.remove(run)
        run.state = "failed"

    def elapsed(self) -> str:
        """Minutes and seconds since the command began."""
        seconds = int(time.monotonic() - self.started)
        return f"{seconds // 60:d}:{seconds % 60:02d}"

    def _refresh(self, run: Run) -> None:
        run.state = self.airflow.get(f"/dags/{run.dag_id}/dagRuns/{run.run_id}")["state"]
        tasks = self._tasks(run)
        states = Counter(task["state"] or "waiting" for task in tasks)
        done = sum(states[name] for name in DONE_TASKS)
        text = f"{done} of {len(tasks)} tasks"
        running = sorted({_label(task) for task in tasks if task["state"] == "running"})
        if run.is_over:
            text += ", done" if run.state == "success" else ", FAILED"
            run.over_at = time.monotonic()
        elif running:
            text += f", running {', '.join(running[:3])}{' …' if len(running) > 3 else ''}"
        now = time.monotonic()
        if text != run.shown or now - run.shown_at > REPEAT_SECONDS:
            self.say(f"  {self.elapsed():>6}  {run.dag_id:<30} {text}")
            run.shown, run.shown_at = text, now
        self._tell_retries(run, tasks)

    def _tell_retries(self, run: Run, tasks: list[dict]) -> None:
        for task in tasks:
            attempt = (task["task_id"], task["map_index"], task["try_number"])
            if task["state"] == "up_for_retry" and attempt not in run.reported:
                run.reported.add(attempt)
                self.say(f"          {run.dag_id} · {_label(task)} failed once and will be tried again:")
                for line in self.airflow.log_tail(task, 3):
                    self.say(f"            {line[:300]}")

    def _tasks(self, run: Run) -> list[dict]:
        return list(
            self.airflow.pages(f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances", "task_instances")
        )

    def _events(self, run: Run) -> list[dict]:
        return list(
            self.airflow.pages(
                "/assets/events", "asset_events", source_dag_id=run.dag_id, source_run_id=run.run_id
            )
        )

    def _active(self, dag_id: str) -> bool:
        found = self.airflow.get(f"/dags/{dag_id}/dagRuns", state=["running", "queued"], limit=1)
        return found["total_entries"] > 0

    def _explain_task(self, run: Run, task: dict) -> list[str]:
        name = f"{run.dag_id} · {_label(task)}"
        folder = f"{self.logs}/tasks/dag_id={run.dag_id}/run_id={run.run_id}/task_id={task['task_id']}"
        return [
            f"{name} failed after {task['try_number']} attempt(s). Its last lines:",
            *(f"    {line[:600]}" for line in self.airflow.log_tail(task, LOG_LINES)),
            f"    whole log: {folder}",
        ]


def _label(task: dict) -> str:
    """A task by its name, with what a mapped one is about once it has begun."""
    about = task.get("rendered_map_index")
    return f"{task['task_id']} [{about}]" if about and not about.isdigit() else task["task_id"]
