"""Dagster resources: the registry, and the IO manager that hands models between assets.

What a resource writes about a run belongs to ``capture``.
"""
