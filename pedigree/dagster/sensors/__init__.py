"""What runs on each tick: promotion, the mirror of the registry, usage, staleness, delivery.

The decisions themselves belong to ``pedigree.lifecycle``.
"""
