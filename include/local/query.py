"""`make sql`: a query as CSV, asked as the tenant's reader role under row security.

    python -m include.local.query        with Q and TENANT (default demo) in the environment

The reader may only read: its transactions are read-only by default and its grants are SELECT.
"""

from __future__ import annotations

import csv
import os
import sys

import psycopg

from include.errors import TradewindError
from include.local import environment, stack
from include.settings import tenant_slug


def ask(dsn: str, query: str, out) -> int:
    """Write the answer to `out` as CSV with a header, null as nothing; returns the number of rows."""
    writer = csv.writer(out, lineterminator="\n")
    # A server-side cursor keeps a large answer out of memory, and only queries can have one.
    named = "answer" if query.split(None, 1)[0].lower() in ("select", "with", "values", "table") else ""
    with psycopg.connect(dsn) as conn, conn.cursor(name=named) as cursor:
        cursor.execute(query)
        if named:
            cursor.itersize = 10_000
        writer.writerow([column.name for column in cursor.description or ()])
        count = 0
        for row in cursor if cursor.description else ():
            writer.writerow(row)
            count += 1
    return count


def main() -> int:
    """Answer Q; 1 with PostgreSQL's words when it refuses."""
    query, tenant = os.environ.get("Q", "").strip().rstrip(";"), os.environ.get("TENANT") or "demo"
    if not query:
        print('make sql Q="select * from finance.claims limit 10" [TENANT=demo]', file=sys.stderr)
        return 2
    try:
        with stack.database() as ports:
            ask(environment.dsn(ports, f"tw_reader_{tenant_slug(tenant)}"), query, sys.stdout)
    except BrokenPipeError:
        # The reader of our output has seen enough; Python would complain once more while it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except psycopg.Error as error:
        print(str(error).strip(), file=sys.stderr)
        return 1
    except TradewindError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
