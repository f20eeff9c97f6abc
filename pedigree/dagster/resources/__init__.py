"""Dagster resources: the registry, and the IO manager that passes models between assets.

What a resource records about a run belongs to ``capture``.
"""
