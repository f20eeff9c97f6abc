"""What a version was made of: data, code and environment; and what used it.

Reading that from Dagster belongs to `dagster.capture`.
"""
