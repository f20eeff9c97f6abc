"""Lineage of a version: its data, code, environment and run, and its uses."""
