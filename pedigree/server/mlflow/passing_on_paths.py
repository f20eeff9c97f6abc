"""Which requests are the tracking server's: paths by an allow-list, in one spelling only.

What is not plainly a path of tracking is never passed on, however it is spelled: routes of the
registry, files of the registry, and the administration of the tracking server, where the service
has rights that its callers lack.
"""

import re
from enum import Enum, auto
from urllib.parse import quote

from pedigree.server.mlflow.artifact_paths import is_of_registry
from pedigree.server.mlflow.safe_paths import require_safe_path

# A word of tracking is spelled in one way, so no other spelling of the words below is passed on.
_RESOURCE = re.compile(
    r"/(?:ajax-)?api/(?:2\.0|3\.0)/mlflow/(?P<word>[a-z][a-z0-9-]*)(?P<rest>/[^\x00]*)?"
)
_FILES = re.compile(
    r"/(?:ajax-)?api/2\.0/mlflow-artifacts/(?:artifacts|mpu/[a-z]+|presigned)(?:/(?P<path>.*))?"
)
_WHOLE = frozenset({"/get-artifact", "/graphql", "/v1/traces"})
_REGISTRY = frozenset({"registered-models", "model-versions", "webhooks", "server-info"})
_ADMINISTRATION = frozenset({"users", "roles", "permissions", "workspaces", "gateway"})
# Unreserved characters and those that separate nothing within a path (RFC 3986).
_PLAIN = "/!$&'()*+,;=:@~"


class Owner(Enum):
    """Who answers a path."""

    REGISTRY = auto()
    TRACKING = auto()
    NOBODY = auto()
    """It would need rights of the service at the tracking server that its callers do not have."""


def owner_of(path: str) -> Owner:
    """Return who answers a path of the service.

    >>> owner_of("/api/2.0/mlflow/runs/search"), owner_of("/api/2.0/mlflow/model-versions/get")
    (<Owner.TRACKING: 2>, <Owner.REGISTRY: 1>)
    >>> owner_of("/api/2.0/mlflow/users/update-admin"), owner_of("/api/2.0/mlflow/%72uns/get")
    (<Owner.NOBODY: 3>, <Owner.REGISTRY: 1>)

    Raises:
        UnacceptedRequestError: The path leaves its folder, or hides what it names.
    """
    forms = require_safe_path(path)
    if path in _WHOLE:
        return Owner.TRACKING
    if found := _FILES.fullmatch(path):
        require_safe_path(found["path"] or "")
        is_own = any(
            is_of_registry(each["path"] or "") for each in map(_FILES.fullmatch, forms) if each
        )
        return Owner.REGISTRY if is_own else Owner.TRACKING
    found = _RESOURCE.fullmatch(path)
    if found is None or found["word"] in _REGISTRY:
        return Owner.REGISTRY
    parts = {found["word"], *(found["rest"] or "").casefold().split("/")[1:2]}
    return Owner.TRACKING if parts.isdisjoint(_ADMINISTRATION) else Owner.NOBODY


def passed_on(path: str) -> str:
    """Return a path as it is sent to the tracking server: encoded once, from what was judged."""
    return quote(path, safe=_PLAIN)
