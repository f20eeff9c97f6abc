"""Fixtures of sources: real servers of objects and of files."""

from tests.artifacts.conftest import server_credentials, servers

__all__ = ["server_credentials", "servers"]
