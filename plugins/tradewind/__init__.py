"""What ties the rooms of `include` to Airflow: connections, assets, the business date, dbt, notifications.

No business rule lives here. Airflow must not load these files as plugins (see .airflowignore).
"""
