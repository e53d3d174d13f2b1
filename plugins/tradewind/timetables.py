"""Timetables of our own, registered by tradewind_plugin.py."""

from __future__ import annotations

from airflow.sdk.timezone import coerce_datetime, utcnow
from airflow.timetables.base import DagRunInfo, TimeRestriction
from airflow.timetables.trigger import CronPartitionTimetable


class NextCronPartition(CronPartitionTimetable):
    """Airflow's partitioned cron, except that unpausing a DAG never runs a time that was missed.

    Airflow runs the last missed time at once when a DAG has a start date, also without catch-up. A forecast that
    starts because somebody unpaused its DAG has a period that nobody asked for; a missed month is run by hand.
    """

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The next time after now, whatever the start date, until a first scheduled run exists."""
        if not restriction.catchup:
            restriction = TimeRestriction(None, restriction.latest, restriction.catchup)
        return super().next_dagrun_info_v2(last_dagrun_info=last_dagrun_info, restriction=restriction)

    def _calc_first_run(self):
        return self._align_to_next(coerce_datetime(utcnow()))
