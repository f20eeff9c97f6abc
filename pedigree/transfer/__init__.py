"""Whole registries on the way: out of MLflow, into MLflow, and to a folder and back.

Reading, writing and comparing registries as a whole belong here. The rules of the registry belong
to its subjects: what is brought in is written by their operations.
"""
