"""Each problem the compose contract names, planted once, must be found."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from tests.contract.test_compose import COMPOSE, ROOT, problems


def _plant(change) -> list[str]:
    compose = copy.deepcopy(yaml.safe_load(Path(COMPOSE).read_text()))
    change(compose["services"])
    return problems(compose, ROOT)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: s["apiserver"].update(ports=["8080:8080"]), "open to other machines"),
        (lambda s: s["postgres"].update(image="postgres:latest"), "no fixed tag"),
        (lambda s: s["postgres"].update(image="postgres"), "no fixed tag"),
        (lambda s: s["sandbox"].pop("healthcheck"), "no health check"),
        (lambda s: s["triggerer"].update(depends_on={"redis": {}}), "depends on redis"),
        (lambda s: s["postgres"].update(volumes=["./nowhere:/data"]), "does not exist"),
        (lambda s: s["postgres"].update(volumes=["nothing:/data"]), "is not declared"),
        (lambda s: s["postgres"]["environment"].update(POSTGRES_PASSWORD="tradewind"), "written down"),
        (lambda s: s["postgres"]["environment"].update(POSTGRES_PASSWORD="${DB}"), "may be empty"),
        (lambda s: s["sandbox"].update(build={"context": "./docs"}), "without a Dockerfile"),
        (lambda s: s["scheduler"].update(ports=["127.0.0.1:8974:8974"]), "not its own"),
        (
            lambda s: s["apiserver"]["environment"].update(AIRFLOW__API__HOST="0.0.0.0"),
            "listens to everybody",
        ),
    ],
)
def test_planted_problem_is_found(change, told):
    assert any(told in problem for problem in _plant(change)), told
