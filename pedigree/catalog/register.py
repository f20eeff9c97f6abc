"""The registration of a path or a model with its metadata, shared by registry and client."""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Unpack

from pedigree._values import require_values
from pedigree.artifacts._progress import Progress
from pedigree.audit.records import Actor
from pedigree.catalog.declared_metadata import DeclaredFields, declared_here
from pedigree.catalog.live_model import LiveModel
from pedigree.catalog.metadata import validated
from pedigree.catalog.names import validate_name
from pedigree.catalog.records import DeclaredMetadata, NewVersion, Registration
from pedigree.catalog.signature_inference import completed, required_signature
from pedigree.errors import InvalidMetadataError
from pedigree.flavors.plugins import check_files, get_flavor
from pedigree.lineage.environment import installed_packages
from pedigree.settings import Settings
from pedigree.signatures.records import Signature


class Registering(ABC):
    """Operations that create versions."""

    @property
    @abstractmethod
    def _settings(self) -> Settings:
        """The settings of this process."""

    @abstractmethod
    def _require_permission(self, name: str) -> None:
        """Refuse a user who may not register versions of a model, before anything is saved or read.

        Raises:
            NotPermittedError: The user has no permission.
        """

    @abstractmethod
    def _keep_version(
        self,
        name: str,
        path: Path,
        new: NewVersion,
        actor: Actor | None,
        progress: Progress | None,
        *,
        judge: bool,
    ) -> Registration:
        """Store the bytes at a path, create a version, and run its checks if requested."""

    def register(
        self,
        name: str,
        path: Path | str,
        new: NewVersion | None = None,
        *,
        flavor: str | None = None,
        sample: object | None = None,
        sample_outputs: object | None = None,
        trust: Collection[str] = (),
        actor: Actor | None = None,
        progress: Progress | None = None,
        judge: bool = False,
        **fields: Unpack[DeclaredFields],
    ) -> Registration:
        validate_name(name)
        self._require_permission(name)
        if new is None:
            ask = partial(
                required_signature,
                flavor or "",
                Path(path),
                sample=sample,
                sample_outputs=sample_outputs,
                trust=trust,
            )
            new = NewVersion(metadata=self._described(flavor, fields, ask))
        elif flavor or fields or sample is not None:
            raise InvalidMetadataError(
                "is complete, and a flavor, a sample or fields are also given",
                field="new",
                remedy="Put them into the NewVersion, or omit it",
            )
        require_values(new)  # what this process states about itself entered by no argument
        check_files(validated(new.metadata).flavor, Path(path))
        return self._keep_version(name, Path(path), new, actor, progress, judge=judge)

    def register_model(
        self,
        name: str,
        model: object,
        *,
        flavor: str,
        sample: object | None = None,
        sample_outputs: object | None = None,
        verify: bool = True,
        actor: Actor | None = None,
        progress: Progress | None = None,
        **fields: Unpack[DeclaredFields],
    ) -> Registration:
        validate_name(name)
        self._require_permission(name)
        live = LiveModel(
            model=model,
            flavor=flavor,
            sample=sample,
            sample_outputs=sample_outputs,
            verify=verify,
        )
        with tempfile.TemporaryDirectory(prefix="pedigree-") as folder:
            files = Path(folder) / "model"
            describe = partial(self._described, flavor, fields)
            metadata, verification = live.saved(files, describe, self._settings)
            new = NewVersion(
                metadata=metadata, environment=installed_packages(), verification=verification
            )
            return self.register(name, files, new, actor=actor, progress=progress)

    def _described(
        self, flavor: str | None, fields: DeclaredFields, ask: Callable[[], Signature]
    ) -> DeclaredMetadata:
        if not flavor:
            raise InvalidMetadataError(
                "is required",
                field="flavor",
                remedy="Give it, such as flavor='sklearn' or flavor='generic'",
            )
        get_flavor(flavor)
        known = {**declared_here(fields, self._settings), "flavor": flavor}
        return completed(known, ask)
