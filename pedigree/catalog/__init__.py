"""Registered models, their versions and their metadata.

Stages and aliases belong to `lifecycle`, bytes to `artifacts`, inputs to `lineage`.
"""
