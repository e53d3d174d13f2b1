"""One verb for one tenant, importable and tested without Airflow.

A flow takes open connections and clients, reads its inputs from the warehouse, calls the verb's pure room
and writes the results. The tasks of the DAGs only wrap these functions.
"""
