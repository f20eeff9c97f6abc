"""Asset checks: those of the registry, those of users, and their results as verdicts.

How a check judges belongs to ``pedigree.lifecycle.checks``.
"""
