"""Profiles of data, and drift of served data from training data."""
