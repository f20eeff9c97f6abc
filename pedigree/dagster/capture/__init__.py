"""Lineage of a step: what it read, what that was made from, and what it was used for.

The records themselves belong to ``pedigree.lineage``.
"""
