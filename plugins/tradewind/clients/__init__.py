"""One module per system that a flow needs a client of: `open_client(conn_id)`. Adding a system is adding a file.

Passwords stay in the Airflow connection: nothing here logs, returns or stores one.
"""
