"""SCIM 2.0 (RFC 7643 and 7644) under ``/scim/v2``: identity providers provision users and groups.

Rules of people and groups do not belong here; a request becomes an operation of provisioning.
"""
