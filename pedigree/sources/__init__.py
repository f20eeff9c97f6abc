"""Where the bytes of a version are that an MLflow client registers: its source, as a URI.

Reading sources, deciding which of them are fetched, and fetching them belong here. Storing what was
fetched belongs to `artifacts`.
"""
