"""Code locations with real Dagster servers, which run until the last test of this folder."""
