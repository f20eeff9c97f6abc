"""Registered models, their versions and their metadata.

What moves a version belongs to `lifecycle`, its bytes to `artifacts`, its inputs to `lineage`.
"""
