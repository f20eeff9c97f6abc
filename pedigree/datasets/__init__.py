"""Datasheets of training data, and verdicts of data checks."""
