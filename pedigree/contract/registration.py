"""Registration of versions."""

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
    """Registration of versions."""

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
        only unreferenced bytes. The same bytes, flavor and signature on the same model are the same
        version: the training is added to it, and ``created`` is False. The version stays unchanged:
        the training keeps the description, owners, tags, metrics … of this call, and ``notice``
        names the fields that the version does not show.

        Args:
            name: The registered model.
            path: A file or a folder.
            new: The version's metadata; or pass the flavor and the fields by keyword.
            flavor: The flavor that loads it, such as ``sklearn`` or ``generic``.
            sample: Inputs; the signature is inferred from their predictions. Without a signature
                and a sample, it comes from the files if they state it, as MLflow and ONNX do.
            sample_outputs: The model's outputs for the sample; then the model is not loaded.
            trust: What may run while the model loads for the sample.
            actor: Who acts; this process's actor when None.
            progress: Called with the number of bytes read and the total.
            judge: Run the registry's own checks and write the card, as a service always does.
            fields: The metadata. A missing run, CI build or commit is read from the environment and
                the work tree.

        Raises:
            InvalidInputError: The name, flavor, path or metadata is wrong; nothing was written.
            UntrustedModelError: Loading the model would run code that ``trust`` does not name.
            NameTakenError: The name exists in another case or character form, or was deleted.
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

        A new process loads the saved model and predicts the sample: if its outputs differ from the
        model's, nothing is registered. The same model saved again is the same version. This
        process's packages are recorded as those of the training.

        Args:
            name: The registered model.
            model: The trained object.
            flavor: The flavor that saves and loads it, such as ``sklearn``.
            sample: A few inputs. Without a signature and a sample, the signature comes from the
                saved files if they state it, as MLflow and ONNX do.
            sample_outputs: The model's outputs for the sample, if its flavor cannot predict.
            verify: Compare the saved model with the model; False records that this was skipped.
            actor: Who acts; this process's actor when None.
            progress: Called with the number of bytes read and the total.
            fields: The metadata; missing fields are read as in :meth:`register`.

        Raises:
            InvalidInputError: The name, flavor, model or metadata is wrong; nothing was written.
            InvalidSampleError: The model refuses the sample.
            UnverifiedModelError: The saved model predicts other outputs than the model, or takes
                longer than ``PEDIGREE_VERIFY_TIMEOUT``; nothing was written.
            NameTakenError: The name exists in another case or character form, or was deleted.
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
        """Register files that the registry already has as a version, then run its checks.

        A check that needs the asset graph waits for a Dagster run. If this process ends before it
        has run the others, ``pedigree serve`` or the promotion sensor runs them.

        Args:
            name: The registered model, created if it is new.
            files: The version's files.
            new: The version's metadata.
            upload_id: The upload that brought them, which this ends.

        Raises:
            InvalidInputError: The name, flavor, list or metadata is wrong; nothing was written.
            BytesMissingError: The registry lacks some of the files.
            CorruptionError: The store lost some of them.
            NameTakenError: The name exists in another case or character form, or was deleted.
        """
