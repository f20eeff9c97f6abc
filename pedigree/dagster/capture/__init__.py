"""Lineage capture for a step: what it read, where that came from, and what used its outputs.

The records themselves belong to ``pedigree.lineage``.
"""
