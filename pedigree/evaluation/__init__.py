"""Metrics of a version on its evaluation data, by group."""
