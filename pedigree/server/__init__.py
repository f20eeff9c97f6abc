"""The HTTP service: one application, its process, and its background work.

What one protocol owns (prefix, records, error format) belongs in the folder of that protocol;
what all protocols share belongs in ``http``.
"""
