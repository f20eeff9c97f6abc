"""Helpers for flavors of one or a few files: find the files, and report unreadable ones."""

from collections.abc import Collection
from pathlib import Path

from pedigree.errors import InvalidArtifactError
from pedigree.untrusted.expansion import ExpansionError, require_bounded_zip


def files_of(path: Path) -> list[Path]:
    """Return the files directly in a folder, by name; for a file, the file itself."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.iterdir() if file.is_file())


def model_file(path: Path, flavor: str, suffixes: Collection[str], remedy: str) -> Path:
    """Return the one file directly in a folder that has one of these suffixes, or the file itself.

    Raises:
        InvalidArtifactError: There is no such file, or there are several.
    """
    found = [file for file in files_of(path) if file.suffix in suffixes]
    if len(found) != 1:
        raise InvalidArtifactError(
            f"a model of flavor {flavor} is one {' or '.join(suffixes)} file,"
            f" but the folder has {len(found)}",
            field="path",
            value=str(path),
            remedy=remedy,
        )
    return found[0]


def unreadable(file: Path, reader: str, error: BaseException) -> InvalidArtifactError:
    """Return the error for a file that a library cannot read."""
    return InvalidArtifactError(
        f"{reader} cannot read {file.name}: {type(error).__name__}: {error}",
        field="path",
        remedy="If it is complete, read it with the version of the library that wrote it",
    )


def require_bounded(file: Path) -> None:
    """Refuse an archive that expands too far; call it before a library opens the file.

    Raises:
        InvalidArtifactError: It does, or it is a broken archive.
    """
    try:
        require_bounded_zip(file)
    except ExpansionError as error:
        raise expands_too_far(file, error) from error
    except Exception as error:  # zipfile raises many types on invalid content
        raise unreadable(file, "zipfile", error) from error


def expands_too_far(file: Path, error: ExpansionError) -> InvalidArtifactError:
    """Return the error for a file whose content expands too far."""
    return InvalidArtifactError(
        f"{file.name} is not opened: {error}",
        field="path",
        remedy="Save the model without compression",
    )
