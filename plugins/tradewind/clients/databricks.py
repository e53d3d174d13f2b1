"""Databricks through Airflow's hook: one-time runs, and files in a volume.

The provider is an extra (requirements-databricks.txt), so that only installations that use it carry it. Its hook has
no methods for files, hence the requests to the Files API here, with the hook's own address and log-in.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import quote

import requests
from airflow.providers.databricks.hooks.databricks import DatabricksHook

from include.flows.forecast_cluster import RunEnd

_POLL_SECONDS = 15.0


class Workspace(DatabricksHook):
    """A Databricks workspace as the forecast sees it (`include.flows.forecast_cluster.Cluster`)."""

    poll_seconds = _POLL_SECONDS

    def submit(self, run: Mapping[str, object]) -> int:
        """Submit a one-time run; the same idempotency token gives the run there is."""
        return self.submit_run(dict(run))

    def look(self, run_id: int) -> RunEnd | None:
        """How the run ended, None while it has not."""
        run = self.get_run(run_id)
        state = run["state"]
        if state["life_cycle_state"] not in ("TERMINATED", "SKIPPED", "INTERNAL_ERROR"):
            return None
        if state.get("result_state") == "SUCCESS":
            return RunEnd(True, "", str(run.get("run_page_url", "")))
        task = run["tasks"][0]["run_id"] if run.get("tasks") else run_id
        reason = self.get_run_output(task).get("error") or state.get("state_message", "")
        return RunEnd(False, str(reason), str(run.get("run_page_url", "")))

    def wait(self, run_id: int) -> RunEnd:
        """Poll the run to its end; the task's execution timeout ends one that hangs."""
        while (end := self.look(run_id)) is None:
            time.sleep(self.poll_seconds)
        return end

    def put(self, path: str, content: bytes) -> None:
        """Write a file, over one that is there."""
        self._files("PUT", f"files{path}", params={"overwrite": "true"}, data=content)

    def get(self, path: str) -> bytes:
        """The content of a file."""
        return self._files("GET", f"files{path}").content

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, sorted."""
        found, page = [], ""
        while True:
            body = self._files(
                "GET", f"directories{folder}", params={"page_token": page} if page else {}
            ).json()
            found += [entry["name"] for entry in body.get("contents", []) if not entry.get("is_directory")]
            page = body.get("next_page_token", "")
            if not page:
                return sorted(found)

    def make_folder(self, folder: str) -> None:
        """Make a folder, and those above it, unless it is there."""
        self._files("PUT", f"directories{folder}")

    def _files(self, method: str, path: str, **arguments: object) -> requests.Response:
        headers = {
            **self.user_agent_header,
            **self._get_aad_headers(),
            "Authorization": f"Bearer {self._get_token(raise_error=True)}",
        }
        url = self._endpoint_url(f"api/2.0/fs/{quote(path)}")
        for attempt in self._get_retry_object():
            with attempt:
                answer = requests.request(
                    method, url, headers=headers, timeout=self.timeout_seconds, **arguments
                )
                answer.raise_for_status()
        return answer


def open_client(conn_id: str) -> Workspace:
    """The workspace of an Airflow connection of type `databricks`."""
    return Workspace(databricks_conn_id=conn_id, caller="TradewindForecast")
