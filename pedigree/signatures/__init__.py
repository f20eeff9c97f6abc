"""Typed inputs and outputs of models: their records, inference and compatibility.

How a library states them in its files belongs to `flavors`.
"""
