"""What ties the rooms of `include` to Airflow: connections, assets, the business date, dbt, notifications.

`assets` are the events that order the DAGs, `runs` the tenants and the business date of a run, `connections` and
`clients` what is opened, `defaults` the rules every DAG shares, `extracting`, `engines` and `closing` the bodies of tasks,
`operators` dbt, `timetables` the forecast's clock, `notify` who is told, `api` pages in the UI.

No business rule lives here. Airflow must not load these files as plugins (see .airflowignore).
"""
