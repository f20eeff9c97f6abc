"""Profiles of data, and how far what is served has moved away from what was learnt from."""
