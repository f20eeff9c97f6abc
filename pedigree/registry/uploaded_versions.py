"""Versions of files that a client uploaded to the service: their bytes are in the store already."""

import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pedigree.artifacts.assemble import list_files
from pedigree.artifacts.records import ManifestFile
from pedigree.artifacts.store import locate
from pedigree.catalog.records import SourcedVersion, VersionSource
from pedigree.registry.context import Context
from pedigree.registry.mlflow_trainings import learnt
from pedigree.registry.registration_gates import RegistrationGateOperations
from pedigree.registry.source_versions import CopiedVersion
from pedigree.signatures.files import MLMODEL, ONNX_SUFFIX
from pedigree.sources.folders import fetching_folder
from pedigree.sources.mlmodel import StatedModel, stated_model
from pedigree.sources.uploaded import UploadedSource

if TYPE_CHECKING:
    from pedigree.registry.sources import NewSource

# What a creation reads before it answers.
_MOST_STATING_BYTES = 1 << 20


class UploadedVersions:
    """Says what a version of uploaded files is, if that needs none of their large files.

    Args:
        context: The registry's database and store.
        gates: The checks of registrations, which read all files.
    """

    def __init__(self, context: Context, gates: RegistrationGateOperations) -> None:
        self._context = context
        self._gates = gates

    def of(
        self,
        name: str,
        new: "NewSource",
        uploaded: UploadedSource,
        files: Sequence[ManifestFile],
    ) -> CopiedVersion | None:
        """Return a version with the files of an upload; None if they are to be fetched and judged.

        Args:
            name: The model of the version.
            new: What the client states.
            uploaded: The folder of the upload.
            files: All files of the upload.

        Raises:
            InvalidArtifactError: The files are not acceptable as an artifact.
        """
        below = _below(files, uploaded.path)
        settings = self._context.settings
        size = sum(file.size for file in below)
        stating = [file for file in below if _may_state(file.path)]
        if (
            not size
            or size > settings.mlflow_source_bytes
            or len(below) > settings.mlflow_source_files
            or sum(file.size for file in stating) > _MOST_STATING_BYTES
            or self._gates.is_asked(name)
        ):
            return None
        stated = self._stated(stating)
        known = learnt(new.description, new.tags, None, stated, self._context.names)
        sourced = SourcedVersion(
            metadata=known.metadata,
            origin=known.origin,
            lineage=known.lineage,
            source=VersionSource(source=new.source, run_link=new.run_link),
        )
        return CopiedVersion(sourced, list_files(stated.flavor, stated.signature, below))

    def _stated(self, files: Sequence[ManifestFile]) -> StatedModel:
        """Return what the files say that can state a flavor or a signature."""
        if not files:
            return StatedModel()
        digests = {file.digest for file in files if file.size}
        keys = self._context.database.read(lambda transaction: locate(transaction, digests))
        with fetching_folder(self._context.settings.home_folder) as folder:
            for file in files:
                chunks = self._context.store.stream(keys[file.digest]) if file.size else ()
                with (folder / file.path).open("wb") as written:
                    written.writelines(chunks)
            return stated_model(folder)


def _below(files: Sequence[ManifestFile], folder: str) -> list[ManifestFile]:
    """Return the files of a folder, by their paths in it."""
    start = f"{folder}/" if folder else ""
    return [
        file.model_copy(update={"path": file.path.removeprefix(start)})
        for file in files
        if file.path.startswith(start)
    ]


def _may_state(path: str) -> bool:
    """Return whether a file at the top may state a flavor or a signature."""
    return path == MLMODEL or ("/" not in path and posixpath.splitext(path)[1] == ONNX_SUFFIX)
