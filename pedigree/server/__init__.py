"""The HTTP service: one application, its process, and what runs beside the requests.

What one protocol owns (prefix, records, error format) belongs to the folder of that protocol, and
what all protocols share to ``http``.
"""
