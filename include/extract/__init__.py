"""Brings rows in, whole or not at all.

`contracts` declares the canonical entities, `systems` one module per source with its streams as rows of data.
Both drive the landing tables, the loader's checks, the generated staging models and the file templates.
"""
