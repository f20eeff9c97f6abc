"""The tracking server of this process's settings."""

from collections.abc import Iterator
from contextlib import contextmanager

from pedigree.settings import Settings
from pedigree.sources.upstream import TrackingServer


@contextmanager
def tracking_server(settings: Settings) -> Iterator[TrackingServer | None]:
    """Open the tracking server that a setting names; None without one."""
    if settings.mlflow_upstream is None:
        yield None
        return
    secret = settings.mlflow_upstream_credential
    credential = secret.get_secret_value() if secret else None
    seconds = settings.mlflow_upstream_timeout.total_seconds()
    with TrackingServer(settings.mlflow_upstream, credential, seconds) as server:
        yield server
