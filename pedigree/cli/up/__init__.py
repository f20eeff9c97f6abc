"""``pedigree up``: Dagster's web server, daemon and code servers, kept alive on this machine.

The service of `pedigree serve` belongs to `server`.
"""
