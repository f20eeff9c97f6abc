"""Tests with a browser: a package, so that the browser ends with the last of them.

While it runs, its library keeps an event loop in the thread, in which others cannot start theirs.
"""
