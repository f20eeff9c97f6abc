"""How a version did on its evaluation data, for each group of it.

Whether that is good enough belongs to `lifecycle.checks`.
"""
