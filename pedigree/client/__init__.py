"""The client of a service: the verbs of ``Registry`` over HTTP.

>>> import pedigree
>>> with pedigree.connect("https://registry.example.com") as registry:  # doctest: +SKIP
...     registry.get("customer_churn@production").metrics["roc_auc"]
0.92

It needs neither Dagster nor a database driver: the base wheel is enough. The service itself
belongs in `server`.
"""
