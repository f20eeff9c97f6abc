"""What is registered, wherever it is kept: a path or a model, and all that is stated about it."""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Unpack

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
    """Verbs that make versions."""

    settings: Settings

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
        """Store the bytes at a path, make them a version, and judge it where it is asked for."""

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
        """Register the bytes at a path as a version of a model, created if it is new.

        The bytes are stored first, then one transaction writes all rows; a crash in between leaves
        nothing but bytes that nobody refers to. The same bytes, flavor and signature on the same
        model are the same version: then the training is added to it, and ``created`` is False. The
        version stays as it is: the training keeps the description, owners, tags, metrics … that are
        stated now, and ``notice`` names those that the version does not show.

        Args:
            name: The registered model.
            path: A file or a folder.
            new: All about the version; or state the flavor and the fields by keyword.
            flavor: How to load it, such as ``sklearn`` or ``generic``.
            sample: Inputs; the signature is inferred by predicting them. Without a signature and a
                sample it is taken from the files, where they state it, as MLflow's and ONNX' do.
            sample_outputs: What the model gave for the sample, if it is not to be loaded.
            trust: What may run while the model is loaded for the sample.
            actor: Who acts; this process's when None.
            progress: Told how many bytes of how many were read.
            judge: Run the registry's own checks on it and write its card, as a service always does.
            fields: The metadata. The run, the CI build and the commit are found in the environment
                and the work tree where they are not stated.

        Raises:
            InvalidInputError: The name, flavor, path or metadata is wrong; nothing was written.
            UntrustedModelError: Loading the model would run what ``trust`` does not name.
            NameTakenError: The name has a twin, or was deleted.
            UnavailableError: The database or the store does not answer.
        """
        validate_name(name)
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
                "is complete, and a flavor, a sample or fields are given beside it",
                field="new",
                remedy="Put them into the NewVersion, or leave it out",
            )
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
        """Save a model by its flavor, infer its signature from a sample, verify and register it.

        A new process loads what was saved and predicts the sample: unless it gives what the model
        gives, nothing is registered. The same model saved again is the same version. This process's
        packages are recorded as those that it was trained with.

        Args:
            name: The registered model.
            model: The trained object.
            flavor: How it is saved and loaded, such as ``sklearn``.
            sample: A few inputs; without a signature and a sample it is taken from what was saved,
                where that states it, as MLflow's and ONNX' files do.
            sample_outputs: What the model gave for the sample, where its flavor cannot ask it.
            verify: Compare what was saved with the model; False records that this was skipped.
            actor: Who acts; this process's when None.
            progress: Told how many bytes of how many were read.
            fields: The metadata, found as in :meth:`register` where it is not stated.

        Raises:
            InvalidInputError: The name, flavor, model or metadata is wrong; nothing was written.
            InvalidSampleError: The model refuses the sample.
            UnverifiedModelError: What was saved does not predict as the model does, or takes longer
                than ``PEDIGREE_VERIFY_TIMEOUT``; nothing was written.
            NameTakenError: The name has a twin, or was deleted.
            UnavailableError: The database or the store does not answer.
        """
        validate_name(name)
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
            metadata, verification = live.saved(files, describe, self.settings)
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
                remedy="Say how to load it, such as flavor='sklearn' or flavor='generic'",
            )
        get_flavor(flavor)
        known = {**declared_here(fields, self.settings), "flavor": flavor}
        return completed(known, ask)
