"""Failures of single members of background work: one bad member never stops the others.

What the work is belongs to its own subject.
"""
