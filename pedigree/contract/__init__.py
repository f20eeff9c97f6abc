"""The public interface of every registry, by subject: verbs with documentation, and URL paths.

This package has no implementation and needs no database driver: `registry` does the work in this
process, `client` sends it to a service.
"""
