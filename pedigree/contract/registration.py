"""Make a version of some bytes."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol, Unpack
from uuid import UUID

from pedigree.artifacts._progress import Progress
from pedigree.artifacts.records import ManifestFile
from pedigree.audit.records import Actor
from pedigree.catalog.declared_metadata import DeclaredFields
from pedigree.catalog.records import NewVersion, Registration


class RegistrationContract(Protocol):
    """Make a version of some bytes."""

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

    def register_files(
        self,
        name: str,
        files: Sequence[ManifestFile],
        new: NewVersion,
        *,
        upload_id: UUID | None = None,
    ) -> Registration:
        """Register files that the registry has as a version; then its checks are run.

        Those checks that need the asset graph leave it waiting for a run. Where this process ends
        before it has run the others, ``pedigree serve`` or the promotion sensor does so.

        Args:
            name: The registered model, created if it is new.
            files: What the version is made of.
            new: All about it.
            upload_id: The upload that brought them, which ends with this.

        Raises:
            InvalidInputError: The name, flavor, list or metadata is wrong; nothing was written.
            BytesMissingError: The registry lacks some of the files.
            NameTakenError: The name has a twin, or was deleted.
        """
