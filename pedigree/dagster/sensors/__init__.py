"""Sensor ticks: promotion, the mirror of the registry, usage, staleness, drift and delivery.

The decisions themselves belong to ``pedigree.lifecycle``.
"""
