"""Paths of artifacts below one reserved word, which no tracking server uses for its runs.

==============================================  ===============================================
``pedigree/models/{model_id}/{version}/…``      the files of a version; a model keeps its id when
                                                it is renamed, and no other model gets it
``pedigree/uploads/{name}/…``                   files that the caller uploads, seen by nobody else
==============================================  ===============================================
"""

import re
from typing import NamedTuple

from pedigree.errors import NotFoundError
from pedigree.server.mlflow.safe_paths import require_safe_path

RESERVED = "pedigree"
"""The first part of all paths of artifacts that the registry has."""

_OF_VERSION = re.compile(
    rf"{RESERVED}/models/(?P<model_id>[1-9][0-9]{{0,17}})/(?P<version>[1-9][0-9]{{0,8}})"
    r"(?:/(?P<path>.+))?"
)
_OF_UPLOAD = re.compile(rf"{RESERVED}/uploads/(?P<name>[^/]+)(?:/(?P<path>.+))?")


class NoSuchArtifactError(NotFoundError):
    """Nothing is at the path of an artifact."""

    def __str__(self) -> str:
        """Return MLflow's words."""
        return f"No such artifact: '{self.message}'"


class VersionPath(NamedTuple):
    """A file or a folder of a version."""

    model_id: int
    version: int
    path: str
    """Empty: all its files."""


class UploadPath(NamedTuple):
    """A file or a folder that the caller uploads."""

    name: str
    path: str
    """Empty: all its files."""


ArtifactPath = VersionPath | UploadPath


def read_artifact_path(path: str) -> ArtifactPath | None:
    """Return what a path of an artifact names; None if it is nothing of the registry.

    >>> read_artifact_path("pedigree/models/7/3/data/model.bin")
    VersionPath(model_id=7, version=3, path='data/model.bin')
    >>> read_artifact_path("0/f1/artifacts/model") is None
    True

    Raises:
        UnacceptedRequestError: The path leaves its folder, or hides what it names.
    """
    require_safe_path(path)
    plain = path.removesuffix("/")
    if found := _OF_VERSION.fullmatch(plain):
        require_safe_path(found["path"] or "")
        return VersionPath(int(found["model_id"]), int(found["version"]), found["path"] or "")
    if found := _OF_UPLOAD.fullmatch(plain):
        require_safe_path(found["name"])
        require_safe_path(found["path"] or "")
        return UploadPath(found["name"], found["path"] or "")
    return None


def is_of_registry(path: str) -> bool:
    """Return whether a path is below the reserved word, however that is spelled.

    >>> is_of_registry("Pedigree/models"), is_of_registry("0/f1/artifacts/pedigree")
    (True, False)
    """
    return path.strip("/").partition("/")[0].strip().casefold() == RESERVED


def path_of_version(model_id: int, version: int) -> str:
    """Return the path of the files of a version."""
    return f"{RESERVED}/models/{model_id}/{version}"
