"""Admin: access, sessions, quarantines, policies, retention, webhooks and the registry's health.

Whoever may audit sees it; each action needs the permission that its verb requires.
"""
