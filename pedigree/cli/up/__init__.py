"""``pedigree up``: Dagster's web server, daemon and code servers, kept alive on this machine."""
