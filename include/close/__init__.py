"""The month end: pure functions over frozen values, no database, clock or Airflow.

- rules: what a tenant may change; periods: which fiscal periods are due, in order
- checklist: every check by name, and when it counts as tied
- balances: control accounts at the end of periods, and what moved since they were stored
- decisions: who may sign or reopen a period
"""
