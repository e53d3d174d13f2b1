"""The dbt project keeps its own rules: layers, contracts, a YAML twin beside every model."""

from __future__ import annotations

import pytest

from tests import dbt_rules


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory):
    return dbt_rules.manifest(tmp_path_factory.mktemp("parse"))


@pytest.mark.parametrize("rule", dbt_rules.RULES, ids=lambda rule: rule.__name__)
def test_project_keeps_the_rule(parsed, rule):
    assert rule(parsed) == []
