"""Each house rule refuses something: the input beside it must break it."""

import pytest

from tests import house_rules


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (house_rules.wrong_imports, "include/flows/x.py", "from airflow.sdk import DAG"),
        (house_rules.wrong_imports, "include/reconcile/x.py", "import psycopg"),
        (house_rules.wrong_imports, "include/forecast/x.py", "from include.warehouse import session"),
        (house_rules.wrong_imports, "include/forecast/x.py", "import pathlib"),
        (house_rules.wrong_imports, "dags/x.py", "import pandas"),
        (house_rules.opens_postgres, "include/publish/x.py", "import psycopg\npsycopg.connect('x')"),
        (house_rules.reads_clock, "include/reconcile/x.py", "from datetime import date\ndate.today()"),
        (house_rules.too_long, "dags/x.py", "x = 1\n" * 81),
        (house_rules.too_long, "include/x.py", "def f():\n" + "    x = 1\n" * 80),
        (house_rules.undocumented, "include/x.py", "def f():\n    return 1\n"),
        (house_rules.floats_money, "include/x.py", "import pandas as pd\npd.read_sql('x', c)"),
        (house_rules.clock_in_sql, "m.sql", "select current_date"),
    ],
)
def test_rule_bites(rule, path, source):
    assert rule(path, source)


@pytest.mark.parametrize("path", ["include/utils.py", "include/common/x.py"])
def test_junk_drawer_bites(path):
    assert house_rules.junk_drawer(path)
