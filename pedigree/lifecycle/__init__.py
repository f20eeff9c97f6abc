"""Stages, aliases, policies, gates, approvals, promotion, rollback and retention.

What is stated about a version belongs to `catalog`.
"""
