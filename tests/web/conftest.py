"""The fixtures of a real server, for tests of its pages."""

from tests.server.conftest import admin, name, served, settings, version

__all__ = ["admin", "name", "served", "settings", "version"]
