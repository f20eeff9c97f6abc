"""The refusals of sources, in the words of MLflow where MLflow refuses as well.

A client shows the text as it is, so each is whole sentences about the source.
"""

from pedigree._visible import visible
from pedigree.errors import InvalidSourceError
from pedigree.settings import redact_url

# The texts of mlflow/server/handlers.py and mlflow/utils/uri.py, 3.17.2.
_RELATIVE = (
    "If supplying a source as an http, https, local file path, ftp, objectstore, or"
    " mlflow-artifacts uri, an absolute path must be provided without relative path references"
    " present. Please provide an absolute path"
)
_LOCAL = (
    "To use a local path as a model version source, the {name} request parameter has to be"
    " specified and the local path has to be contained within the artifact directory of the run"
    " specified by the {name}"
)


def refused(source: str, why: str) -> InvalidSourceError:
    """Return the error for a source, with the reason as a sentence without its period."""
    return InvalidSourceError(f"Invalid model version source: '{_shown(source)}'. {why}")


def relative(source: str) -> InvalidSourceError:
    """Return the error for a path that leaves its folder."""
    return refused(source, _RELATIVE)


def local(source: str, parameter: str = "run_id") -> InvalidSourceError:
    """Return the error for a path of this machine."""
    return refused(source, _LOCAL.format(name=parameter))


def not_contained(source: str, parameter: str) -> InvalidSourceError:
    """Return the error for a source that is not in the run or model that a parameter names."""
    return refused(
        source,
        f"The {parameter} request parameter must identify the resource that contains the source",
    )


def remote_file(source: str) -> InvalidSourceError:
    """Return the error for a ``file:`` URI with a host."""
    return InvalidSourceError(
        f"{_shown(source)} is not a valid remote uri. For remote access on windows, please"
        " consider using a different scheme such as SMB (e.g. smb://<hostname>/<path>)"
    )


def other_host(scheme: str) -> InvalidSourceError:
    """Return the error for a scheme that selects the host to which somebody would connect."""
    return InvalidSourceError(
        f"'source' cannot use the '{scheme}' scheme: the '{scheme}' scheme addresses a host other"
        " than the tracking server's configured artifact storage, so the server would connect to"
        " the host named in the URI. Allow its prefix by PEDIGREE_MLFLOW_SOURCES"
    )


def other_registry(source: str) -> InvalidSourceError:
    """Return the error for a registered model of another registry."""
    return refused(source, "Registered model sources must use the active model registry")


def other_lineage(source: str) -> InvalidSourceError:
    """Return the error for a run or logged model that is not that of the named version."""
    return refused(
        source,
        "The run_id and model_id request parameters must match the referenced model version",
    )


def prompt_source(source: str) -> InvalidSourceError:
    """Return the error for a prompt that has a source of its own."""
    return InvalidSourceError(
        f"Invalid prompt source: '{_shown(source)}'. Prompt sources must use an MLflow placeholder"
    )


def _shown(source: str) -> str:
    return visible(redact_url(source))
