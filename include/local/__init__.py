"""The local stand: everything one machine needs to run Tradewind without Docker.

    places             where state lives: the clone's .state folder, and the system folder that stands in for it
    postgres_binaries  which PostgreSQL of this machine serves, and the packaged one when none does
    postgres           a private server: initdb, start, status, stop, remove
    ports              the local ports, moved together, remembered between commands
    environment        the one environment of every process
    stack              the supervisor: sandbox, Airflow's four processes, docs server
    airflow_api        Airflow's REST API v2, as far as the driver needs it
    drive              `make demo` and `make run` through the real scheduler
    summary            what a controller reads afterwards
    query              `make sql`
    backup             backup, restore, upgrade

Only the standard library, psycopg and httpx are imported here, so that a broken Airflow can still be stopped.
"""
