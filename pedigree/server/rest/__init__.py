"""The REST API under ``/api/v1``: one resource a module, and its problem details.

Rules of the registry do not belong here; an endpoint translates a request to one operation.
"""
