"""Writes models to a folder, in the layout of docs/mlflow-migration.md."""

import json
import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pedigree.errors import InvalidInputError, OriginUnavailableError
from pedigree.transfer.exporting import OutgoingFiles
from pedigree.transfer.outgoing import OutgoingModel, OutgoingVersion
from pedigree.transfer.report import Fate

_MARK = "mlflow-export.json"
_FORMAT = {"format": "pedigree-mlflow-export", "version": 1}
_ARTIFACTS, _VERSION, _MODEL, _ALIASES = "artifacts", "version.json", "model.json", "aliases.json"
# With what is added to it, the name of a file has at most 255 bytes.
_LONGEST = 200
_INVALID = "the folder cannot be written"


class MlflowFolder:
    """A folder that gets models.

    A version appears in it as a whole, by the renaming of its folder. An interrupted run leaves
    folders that end in ``.part``, which the next run replaces.

    Args:
        folder: The folder, which is made if it does not exist.

    Raises:
        InvalidInputError: It has other files, or cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(exist_ok=True)
            mark = folder / _MARK
            if not mark.exists():
                if any(folder.iterdir()):
                    raise _not_writable(folder, "it has files that no export wrote")
                _write(mark, _FORMAT)
            elif json.loads(mark.read_text(encoding="utf-8")) != _FORMAT:
                raise _not_writable(folder, "another release wrote it")
        except OSError as error:
            raise _not_writable(folder, error.strerror or "it fails") from error
        except ValueError as error:
            raise _not_writable(folder, f"its {_MARK} is damaged") from error

    @property
    def uri(self) -> str:
        """Its path."""
        return str(self._folder)

    def put_model(self, model: OutgoingModel) -> Fate:
        """Write a model, without its versions and aliases."""
        folder = self._of(model.name)
        document = model.model_dump(mode="json", exclude={"aliases"})
        return self._put(folder / _MODEL, document)

    def put_version(self, version: OutgoingVersion, files: OutgoingFiles) -> Fate:
        """Write a version with its files, or describe it."""
        folder = self._of(version.name) / str(version.number)
        document = version.model_dump(mode="json")
        if folder.exists():
            return self._put(folder / _VERSION, document)
        part = folder.with_name(f"{folder.name}.part")
        try:
            shutil.rmtree(part, ignore_errors=True)
            for file in files.files():
                path = part / _ARTIFACTS / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as opened:
                    for chunk in files.chunks(file):
                        opened.write(chunk)
            part.mkdir(exist_ok=True)
            _write(part / _VERSION, document)
            part.rename(folder)
        except OSError as error:
            raise _failed(error) from error
        return Fate.CARRIED

    def put_aliases(self, model: OutgoingModel) -> Fate:
        """Write the aliases of a model."""
        return self._put(self._of(model.name) / _ALIASES, model.aliases)

    def _of(self, name: str) -> Path:
        """Return the folder of a model: its name, percent-encoded, and cut if it is long."""
        quoted = quote(name, safe=" ")
        if len(quoted) > _LONGEST:
            quoted = f"{quoted[:_LONGEST]}~{sha256(name.encode()).hexdigest()[:16]}"
        return self._folder / quoted

    def _put(self, path: Path, document: Mapping[str, Any]) -> Fate:
        try:
            path.parent.mkdir(exist_ok=True)
            if path.exists() and path.read_text(encoding="utf-8") == _text(document):
                return Fate.UNCHANGED
            _write(path, document)
        except OSError as error:
            raise _failed(error) from error
        return Fate.CARRIED


def _write(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document, or leave the former one."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(_text(document), encoding="utf-8")
    part.replace(path)


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _not_writable(folder: Path, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"{_INVALID}: {reason}",
        field="TARGET",
        value=str(folder),
        remedy="Name a new folder, or one that an earlier export wrote",
    )


def _failed(error: OSError) -> OriginUnavailableError:
    return OriginUnavailableError(
        f"{_INVALID}: {error.strerror}", remedy="Make room, and run it again: it goes on"
    )
