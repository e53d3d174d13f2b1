"""Every vendor's API on this machine, so that the whole pipeline runs without an account anywhere.

Real clients come in unchanged: `HTTPS_PROXY` points them at `tunnel`, which leads every connection to one TLS
listener (`tls` holds the private authority and the certificate for the vendors' own host names). `serve` starts
the listeners, `front` finds the vendor by host name, `faults` breaks answers on request and keeps the request
log, `store` keeps what was published across restarts, `connections` prints what Airflow needs to reach it all.
A vendor is one module or package under `vendors/` with a `VENDOR` constant: adding one edits nothing here.
`world` is the seeded company whose records the vendors serve; each `world_*` module makes one part of it, and
`world_truth` keeps the right answers.

Nothing here listens beyond 127.0.0.1, and every credential is visibly a sandbox one.
"""
