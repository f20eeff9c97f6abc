"""Here belongs the search of the MLflow protocol: its filters, orders and pages, typed.

No route, and no SQL from the text of a caller. Our own filters are in ``catalog/search``.
"""
