"""Sealing of the audit log in the sensors' process, for deployments without `pedigree serve`."""

from pedigree.errors import InvalidInputError, LogKeyError, SecretKeyError
from pedigree.registry import Registry
from pedigree.registry.log_sealing import LogSealing


def seal_log(registry: Registry) -> list[str]:
    """Seal the audit log if this process has its key, and return what failed."""
    settings = registry.settings
    if settings.audit_key is None or not settings.serve_seals:
        return []
    try:
        sealing = LogSealing(registry)
    except (InvalidInputError, LogKeyError, SecretKeyError) as error:
        return [f"the audit log is not sealed: {error}"]
    return sealing.attempt()[1]
