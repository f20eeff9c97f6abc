"""Maintenance of a registry: garbage collection (``gc_*``) and consistency checks (``fsck*``).

The rules of retention belong in ``lifecycle``.
"""
