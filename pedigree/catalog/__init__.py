"""Registered models, their versions and their metadata."""
