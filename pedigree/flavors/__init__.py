"""How each kind of model is stored, loaded and described; one module a flavor.

Where the files are kept belongs to `artifacts`.
"""
