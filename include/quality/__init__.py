"""Gates on arrivals: what must hold of the landed rows before anything is built on them.

`expectations` derives the suite of a stream from its contract row. `arrivals` runs Great Expectations over the landing tables; importing it costs seconds, so no DAG file does.
"""
