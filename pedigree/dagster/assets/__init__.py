"""What users put into their definitions: model assets, stages, components, and how a step trains.

What finds out where data came from belongs to ``capture``.
"""
