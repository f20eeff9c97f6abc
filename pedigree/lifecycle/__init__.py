"""Stages, aliases, policies, gates, approvals, promotion, rollback and retention.

The metadata of a version belongs to `catalog`.
"""
