"""A running service for tests of the door for MLflow."""

from tests.server.conftest import name, served, settings, version

__all__ = ["name", "served", "settings", "version"]
