"""The local stand: everything one machine needs to run Tradewind without Docker.

    places             where state lives: the clone's .state folder, and the system folder that stands in for it
    postgres_binaries  which PostgreSQL of this machine serves, and the packaged one when none does
    postgres           a private server: initdb, start, status, stop, remove
    ports              the local ports, moved together, remembered between commands
    environment        the one environment of every process
    install            `.venv` from requirements.lock, before anything else can run
    processes          process groups: found, ended, outlived
    supervisor         the sandbox, Airflow's four processes and the docs server, restarted when they die
    stack              up, down, status, clean
    docs_server, dbt   the dbt docs, and dbt on the local warehouse
    airflow_api        Airflow's REST API v2, as far as the driver needs it
    drive              `make demo` and `make run` through the real scheduler
    follow, company    what a run started and why it failed; the companies that are driven
    summary            what a controller reads afterwards
    fingerprint        did a run change anything
    query              `make sql`
    verify, audit      `make verify`: the evidence recomputed; `make audit`: the year-end trade audit
    backup             backup, restore, upgrade
    container          the same environment inside docker compose

Only the standard library, psycopg and httpx are imported here, so that a broken Airflow can still be stopped.
"""
