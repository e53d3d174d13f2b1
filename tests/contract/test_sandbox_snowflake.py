"""The simulated Snowflake under Airflow's own hook: stage, COPY, MERGE, transactions, accounts, restart."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from snowflake.connector.errors import DatabaseError, ProgrammingError

ROWS = 5000


@pytest.fixture
def hook(sandbox):
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

    return SnowflakeHook("snowflake_default")


@pytest.fixture
def staged(hook, tmp_path):
    """A connection with an empty table, a filled stage and a loaded staging table."""
    table = pa.table(
        {
            "ITERATION": pa.array(range(ROWS), pa.int64()),
            "TOTAL": pa.array([Decimal(n) / 4 for n in range(ROWS)], pa.decimal128(19, 4)),
            "SIMULATION_DATE": pa.array([date(2026, 10, 31)] * ROWS),
        }
    )
    pq.write_table(table, tmp_path / "part-0.parquet")
    connection = hook.get_conn()
    cursor = connection.cursor()
    cursor.execute(
        "create or replace table results (iteration int, total number(19,4), simulation_date date)"
    )
    cursor.execute("create or replace table incoming like results")
    cursor.execute("create stage if not exists arrivals")
    cursor.execute(f"put file://{tmp_path}/part-0.parquet @arrivals auto_compress=false overwrite=true")
    cursor.execute(
        "copy into incoming from @arrivals/part-0.parquet file_format=(type=parquet) "
        "match_by_column_name=case_insensitive"
    )
    yield cursor
    connection.close()


def one(cursor, query: str):
    return cursor.execute(query).fetchone()


def test_put_copy_merge_select(staged, hook):
    assert one(staged, "select count(*), sum(total)::varchar from incoming") == (ROWS, "3124375.0000")
    merge = (
        "merge into results r using incoming i on r.iteration = i.iteration "
        "when matched then update set total = i.total "
        "when not matched then insert (iteration, total, simulation_date) values (i.iteration, i.total, i.simulation_date)"
    )
    assert staged.execute(merge).fetchall() == [(ROWS, 0)]
    assert staged.execute(merge).fetchall() == [(0, ROWS)]
    assert hook.get_records("select count(*), min(simulation_date) from results") == [
        (ROWS, date(2026, 10, 31))
    ]


def test_replacing_a_partition_in_one_transaction(staged, hook):
    staged.execute("insert into results select iteration, 1, simulation_date from incoming")
    staged.execute("begin")
    staged.execute("delete from results where simulation_date = '2026-10-31'")
    staged.execute("insert into results select * from incoming")
    assert hook.get_first("select sum(total)::varchar from results") == (f"{ROWS}.0000",), (
        "readers see the old rows"
    )
    staged.execute("commit")
    assert hook.get_first("select sum(total)::varchar from results") == ("3124375.0000",)


def test_sums_of_money_are_exact(staged, hook):
    staged.execute("create or replace table money (amount number(19,4), n int)")
    staged.execute("insert into money values (999999999999999.9999, 1), (0.0001, 2), (-0.0002, 3)")
    found = hook.get_first("select sum(amount), coalesce(sum(amount), 0), sum(n), sum(amount) / 2 from money")
    assert found[:3] == (Decimal("999999999999999.9998"), Decimal("999999999999999.9998"), 6)


def test_view_over_results(staged, hook):
    hook.run(
        "create or replace view vw_mc_summary as select simulation_date, avg(total) mean from incoming group by 1"
    )
    assert hook.get_first("select count(*) from vw_mc_summary") == (1,)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "statement",
    [
        "merge into results r using incoming i on r.iteration = i.iteration when matched then update set total = 0",
        "alter table results swap with incoming",
    ],
)
def test_what_it_cannot_do_is_an_error_and_never_a_hang(staged, statement):
    staged.execute("begin")
    with pytest.raises(ProgrammingError):
        staged.execute(statement)
    staged.execute("rollback")


def test_wrong_password_is_refused(sandbox, monkeypatch):
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

    name = "AIRFLOW_CONN_SNOWFLAKE_DEFAULT"
    monkeypatch.setenv(name, sandbox.environment()[name].replace("not-a-secret", "wrong"))
    with pytest.raises(DatabaseError, match="Incorrect username or password"):
        SnowflakeHook("snowflake_default").get_first("select 1")


def test_accounts_do_not_mix(staged, sandbox):
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

    other = SnowflakeHook("snowflake_harbor")
    assert other.get_first("select current_database()") == ("SALES_DATA_HARBOR",)
    with pytest.raises(ProgrammingError):
        other.get_first("select count(*) from sales_data_demo.compensation.incoming")


def test_tables_survive_a_kill(sandbox, hook):
    hook.run("create or replace table kept (n int)")
    hook.run("insert into kept values (1), (2)")
    sandbox.stop(9)
    sandbox.start()
    assert hook.get_first("select count(*), sum(n) from kept") == (2, 3)
