"""Principals, roles and tokens: who acts, and what they may do.

The authentication of requests belongs in `server.http`.
"""
