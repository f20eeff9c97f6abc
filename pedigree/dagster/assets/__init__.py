"""What users put into their definitions: model assets, stages, components, and the training step.

Lineage capture belongs to ``capture``.
"""
