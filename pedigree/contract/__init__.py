"""The public interface of every registry, by subject: verbs with documentation, and URL paths.

The implementation does not belong here, nor anything that needs a database driver: `registry` does
the work in this process, `client` sends it to a service.
"""
