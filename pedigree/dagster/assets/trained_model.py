"""The result of a training function, and its registration as a version."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from pedigree.artifacts.external_files import UploadedFiles, fetch
from pedigree.catalog.declared_metadata import StatedMetadata
from pedigree.catalog.live_model import LiveModel
from pedigree.catalog.records import DeclaredMetadata, NewVersion, Registration
from pedigree.catalog.signature_inference import completed, required_signature
from pedigree.dagster.capture.lineage import training_data_digest
from pedigree.dagster.capture.run_provenance import RunProvenance
from pedigree.errors import InvalidInputError
from pedigree.flavors.records import NO_LIVE_MODEL, Verification
from pedigree.lineage.code import CodeState
from pedigree.lineage.environment import installed_packages
from pedigree.lineage.records import LineageGraph
from pedigree.monitoring.records import DataProfile
from pedigree.settings import Settings
from pedigree.signatures.records import Signature

if TYPE_CHECKING:
    from pedigree.cards.records import CardNotes
    from pedigree.evaluation.records import Evaluation
    from pedigree.registry import Registry


@dataclass(frozen=True, kw_only=True)
class TrainedModel(StatedMetadata):
    """The result of a training.

    Pass the ``model`` object, which its flavor then saves, or the ``path`` of a saved model, or
    where it was ``uploaded``. Pass the ``signature``, or a ``sample`` of the inputs to infer it
    from; if the flavor cannot call the model, also pass its ``sample_outputs``. None of these is
    needed if the model's own files contain the signature, as those of MLflow and ONNX do.

    Args:
        model: The trained object.
        path: A file or folder with the saved model.
        uploaded: Where the trainer uploaded the model's files; they are fetched and verified.
        metrics: Results of the evaluation, finite numbers by name.
        params: Hyperparameters and run configuration.
        signature: Typed inputs and outputs.
        sample: A few rows of input.
        sample_outputs: The model's outputs for the sample.
        verify: Load the saved ``model`` in a new process, and compare its predictions.
        evaluation_data: The id of the data that the metrics were computed on.
        evaluation: Results for each group of that data, as ``evaluate`` measures them.
        training_data_version: The training data's version as its owner names it.
        training_profile: The :func:`pedigree.monitoring.profile.profile` of the training data and
            of the model's predictions on it; serving data is compared with it later.
        notes: Texts of people for the model card.
        metadata: Additional metadata of the materialization, in Dagster's values.
        check_results: Results of the asset's ``check_specs`` that the step itself ran.
    """

    model: object | None = None
    path: Path | None = None
    uploaded: UploadedFiles | None = None
    sample: Any = None
    sample_outputs: Any = None
    verify: bool = True
    evaluation_data: str | None = None
    evaluation: "Evaluation | None" = None
    training_profile: DataProfile | None = None
    notes: "CardNotes | None" = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    check_results: Sequence[dg.AssetCheckResult] = ()

    def __post_init__(self) -> None:
        if [self.model, self.path, self.uploaded].count(None) != 2:
            raise InvalidInputError(
                "needs exactly one of `model`, `path` and `uploaded`",
                field="TrainedModel",
                remedy="Pass the trained object, or the path of a saved model",
            )

    def completed(self, spec: dg.AssetSpec) -> "TrainedModel":
        """Return a copy with the asset's description and owners if it has none of its own."""
        return replace(
            self,
            description=self.description or spec.description,
            owners=tuple(self.owners) or tuple(spec.owners),
        )

    def declared(
        self,
        flavor: str,
        infer: Callable[[], Signature],
        provenance: RunProvenance,
        code: CodeState,
        *,
        code_version: str | None,
        data_digest: str | None,
    ) -> DeclaredMetadata:
        """Return the metadata of the version from the training and its run.

        Args:
            flavor: How the model is saved and loaded.
            infer: Returns the signature if none is set.
            provenance: The run.
            code: The commit of the training code.
            code_version: The asset's code version.
            data_digest: One digest over everything that the training read.

        Raises:
            InvalidMetadataError: A value is outside its domain.
            InvalidSignatureError: No signature is set, and none can be inferred.
        """
        values: dict[str, object] = {
            **self.stated(),
            "flavor": flavor,
            "run_id": provenance.run_id,
            **code.model_dump(),
            "code_version": code_version,
            "training_data_digest": data_digest,
            "validation_dataset_id": self.evaluation_data,
        }
        return completed(values, infer)

    def save_files(
        self,
        flavor: str,
        files: Path,
        describe: Callable[[Callable[[], Signature]], DeclaredMetadata],
        settings: Settings,
    ) -> tuple[DeclaredMetadata, Verification]:
        """Save or fetch the model's files, and return their metadata and verification.

        Args:
            flavor: How the model is saved and loaded.
            files: Where the files are, or a path that does not exist yet.
            describe: Returns the metadata; its argument infers the model's signature.
            settings: The settings, which limit how long verification may take.

        Raises:
            InvalidInputError: The model, its sample or the metadata is invalid.
            UnverifiedModelError: The saved model predicts differently from the object.
        """
        if self.model is not None:
            live = LiveModel(
                model=self.model,
                flavor=flavor,
                sample=self.sample,
                sample_outputs=self.sample_outputs,
                verify=self.verify,
            )
            return live.saved(files, describe, settings)
        if self.uploaded is not None:
            fetch(self.uploaded, files)
        infer = partial(
            required_signature,
            flavor,
            files,
            sample=self.sample,
            sample_outputs=self.sample_outputs,
        )
        return describe(infer), NO_LIVE_MODEL


def register_trained(
    registry: "Registry",
    name: str,
    trained: TrainedModel,
    *,
    flavor: str,
    provenance: RunProvenance,
    code: CodeState,
    code_version: str | None = None,
    lineage: LineageGraph | None = None,
) -> Registration:
    """Save a trained model with its flavor, and register it with the run that made it.

    Raises:
        InvalidInputError: The name, flavor, path or metadata is invalid; nothing was written.
        UnverifiedModelError: The saved model predicts differently from the object.
        UnavailableError: The database or the store does not answer.
    """
    lineage = lineage or LineageGraph()
    with tempfile.TemporaryDirectory(prefix="pedigree-") as folder:
        files = trained.path or Path(folder) / "model"

        def describe(infer: Callable[[], Signature]) -> DeclaredMetadata:
            return trained.declared(
                flavor,
                infer,
                provenance,
                code,
                code_version=code_version,
                data_digest=training_data_digest(lineage),
            )

        metadata, verification = trained.save_files(flavor, files, describe, registry.settings)
        new = NewVersion(
            metadata=metadata,
            verification=verification,
            environment=installed_packages(),
            origin=provenance.origin(),
            lineage=lineage,
        )
        actor = registry.actor(provenance.actor)
        done = registry.register(name, files, new, actor=actor)
    reference = done.version.reference
    if trained.evaluation is not None:
        registry.set_evaluation(reference, trained.evaluation, actor=actor)
    if trained.training_profile is not None:
        registry.keep_profile(reference, trained.training_profile, actor=actor)
    return done
