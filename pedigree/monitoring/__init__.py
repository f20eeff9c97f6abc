"""Profiles of data, and how far served data has moved from the training data.

Who is alerted belongs to `delivery`, when drift is measured to `dagster`.
"""
