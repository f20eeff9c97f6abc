"""What pip calls Pedigree, and the other project that pip knows by its import name.

The import name and the command are ``pedigree``; on PyPI that is a project for family trees.

>>> pip_install("server")
"pip install 'pedigree-registry[server]'"
"""

from importlib import metadata
from typing import NamedTuple

DISTRIBUTION = "pedigree-registry"
_IMPORT_NAME = "pedigree"  # and what the other project is called


def requirement(extra: str) -> str:
    """Return what pip is asked for to get an extra of ours."""
    return f"{DISTRIBUTION}[{extra}]"


def pip_install(extra: str) -> str:
    """Return the command that installs an extra of ours."""
    return f"pip install '{requirement(extra)}'"


def own_version() -> str:
    """Return the version of this installation; ``unknown`` where pip has none of ours."""
    return _version(DISTRIBUTION) or "unknown"


class Namesake(NamedTuple):
    """The other project's distribution, as it is installed here."""

    version: str
    replaces_ours: bool
    """Whether pip has it and not ours."""
    owns_files: bool
    """Whether pip wrote files of it into our import package."""

    def __str__(self) -> str:
        place = "in place of" if self.replaces_ours else "beside"
        owned = f" and owns files of the package {_IMPORT_NAME}" if self.owns_files else ""
        return (
            f"the distribution {_IMPORT_NAME} {self.version}, another project's, is installed"
            f" {place} {DISTRIBUTION}{owned}. Run: pip uninstall {_IMPORT_NAME}, then:"
            f" pip install --force-reinstall --no-deps {DISTRIBUTION}"
        )


def namesake() -> Namesake | None:
    """Return the other project's distribution; None where it is not installed."""
    try:
        found = metadata.distribution(_IMPORT_NAME)
    except metadata.PackageNotFoundError:
        return None
    owned = any(file.parts[0] == _IMPORT_NAME for file in found.files or ())
    return Namesake(found.version, _version(DISTRIBUTION) is None, owned)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
