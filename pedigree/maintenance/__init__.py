"""Keep a registry healthy: garbage collection (``gc_*``) and consistency checks (``fsck*``).

What decides how long a version stays belongs to ``lifecycle``.
"""
