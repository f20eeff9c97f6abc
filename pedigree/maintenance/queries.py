"""The queries of this subject."""

from pedigree.postgres.queries import load_queries

SQL = load_queries(__package__)
