"""Asset checks of the registry and of users, and the recording of their results as verdicts.

The check logic itself belongs to ``pedigree.lifecycle.checks``.
"""
