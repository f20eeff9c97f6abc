"""Stages, policies, checks, promotion and rollback."""
