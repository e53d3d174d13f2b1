"""docker-compose.yaml, as far as it can be judged without a container engine: it is never started here.

Judged: the compose schema, that every file it mounts or builds from exists, that anchors and dependencies
resolve, that ports are published on 127.0.0.1 only, that no image floats, that secrets come from the environment,
and that the modules its commands name exist. Not judged: that images pull, build and start.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yaml"
AIRFLOW_COMMANDS = {"api-server", "scheduler", "dag-processor", "triggerer"}


def problems(compose: dict, root: Path) -> list[str]:
    """Everything wrong with a parsed compose file, one line each."""
    services = compose["services"]
    found = []
    for name, service in services.items():
        found += [
            f"{name}: {problem}"
            for problem in _of_service(service, set(services), set(compose["volumes"]), root)
        ]
    return found


def _of_service(service: dict, services: set[str], volumes: set[str], root: Path) -> Iterator[str]:
    image = service.get("image", "")
    if ":" not in image or image.endswith(":latest"):
        yield f"image {image!r} has no fixed tag"
    if "build" in service and not (root / service["build"]["context"] / "Dockerfile").exists():
        yield "builds from a folder without a Dockerfile"
    if "restart" not in service:
        yield "no restart policy"
    if service["restart"] != "no" and "healthcheck" not in service:
        yield "no health check"
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            yield f"port {port} is open to other machines"
    for mount in service.get("volumes", []):
        source = str(mount).split(":")[0]
        if source.startswith((".", "/")):
            if not (root / source).exists():
                yield f"mounts {source}, which does not exist"
        elif source not in volumes:
            yield f"mounts volume {source}, which is not declared"
    for other in service.get("depends_on", {}):
        if other not in services:
            yield f"depends on {other}, which does not exist"
    if "network_mode" in service and service.get("ports"):
        yield "publishes ports of a network that is not its own"
    for key, value in service.get("environment", {}).items():
        if re.search(r"PASSWORD$|SECRET|FERNET", key) and "${" not in str(value):
            yield f"{key} is written down instead of taken from the environment"
        if "${" in str(value) and not re.search(r"\$\{\w+:\?[^}]+\}", str(value)):
            yield f"{key} has a variable that may be empty"
        if "0.0.0.0" in str(value):
            yield f"{key} listens to everybody"


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load(COMPOSE.read_text())


def test_compose_follows_the_schema():
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_compose_has_no_problem(compose):
    assert problems(compose, ROOT) == []


def test_compose_has_every_part_of_the_stand(compose):
    assert {
        "postgres",
        "init",
        "apiserver",
        "scheduler",
        "dag-processor",
        "triggerer",
        "sandbox",
        "dbt-docs",
    } == set(compose["services"])


def test_commands_name_modules_and_programs_that_exist(compose):
    for name, service in compose["services"].items():
        words = " ".join(service.get("command", [])) if isinstance(service.get("command"), list) else ""
        for module in re.findall(r"python -m (include[\w.]*)", words):
            assert importlib.util.find_spec(module), f"{name} runs {module}, which does not exist"
        first = service.get("command", [None])[0]
        assert first in AIRFLOW_COMMANDS | {None, "bash", "python"}, f"{name} starts with {first}"


def test_image_is_built_from_the_locked_airflow():
    dockerfile = (ROOT / "Dockerfile").read_text()
    version = re.search(
        r"^apache-airflow==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    ).group(1)
    assert f"FROM apache/airflow:{version}-python3.11" in dockerfile
    assert "--require-hashes" in dockerfile
    for source in re.findall(r"^COPY --chown=\S+ (\S+) ", dockerfile, re.MULTILINE):
        assert (ROOT / source).exists(), f"Dockerfile copies {source}, which does not exist"


def test_the_file_says_that_it_was_not_run():
    assert "has not been run with an engine" in COMPOSE.read_text()
