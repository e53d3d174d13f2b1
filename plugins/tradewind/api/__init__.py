"""Web pages served inside the Airflow UI. Airflow does not guard plugin apps: each app guards itself."""
