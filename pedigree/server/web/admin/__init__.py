"""Here belongs Admin: the pages of access, sessions, upkeep and webhooks, and their forms.

People who may audit see it; each action needs the permission that its verb requires.
"""
