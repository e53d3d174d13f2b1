"""Tradewind's rooms, importable without Airflow.

`extract` brings rows in, `warehouse` is the only room that speaks to PostgreSQL, `reconcile` and `forecast`
are pure engines, `publish` sends results out, `quality` gates arrivals, `report` draws workbook and PDF,
`sandbox` plays every vendor on this machine, `flows` runs one verb for one tenant, `local` is the stand for
one machine. The modules beside this file are what all rooms share.
"""
