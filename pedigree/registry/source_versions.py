"""Versions of this registry as the source of others: `models:/churn/3`, and by alias or stage."""

from typing import TYPE_CHECKING, NamedTuple

from pedigree.artifacts.records import Manifest
from pedigree.catalog.metadata_records import RecordedMetadata
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion, SourcedVersion, TrainingOrigin, VersionSource
from pedigree.catalog.seal_states import SealState
from pedigree.catalog.version_source import source_of_version
from pedigree.contract.artifacts import ArtifactContract
from pedigree.contract.lineage import LineageContract
from pedigree.contract.versions import VersionContract
from pedigree.errors import VersionNotFoundError
from pedigree.lifecycle.shown_stages import shown_stage
from pedigree.registry.context import Context
from pedigree.registry.models import ModelOperations
from pedigree.registry.policies import PolicyOperations
from pedigree.registry.registration_gates import RegistrationGateOperations
from pedigree.registry.stages import StageOperations
from pedigree.sources import refusals
from pedigree.sources.uri import RegisteredSource

if TYPE_CHECKING:
    from pedigree.registry.sources import NewSource

IS_PROMPT = "mlflow.prompt.is_prompt"
"""The tag of models that are prompts."""


class CopiedVersion(NamedTuple):
    """A version that is made of another one."""

    new: SourcedVersion
    manifest: Manifest | None
    """The bytes; None if the registry does not have them, or judges them first."""


class SourceVersions:
    """Finds versions by MLflow's URIs, and says what a copy of one is."""

    def __init__(
        self,
        context: Context,
        *,
        models: ModelOperations,
        versions: VersionContract,
        artifacts: ArtifactContract,
        stages: StageOperations,
        policies: PolicyOperations,
        lineage: LineageContract,
        gates: RegistrationGateOperations,
    ) -> None:
        self._models = models
        self._versions = versions
        self._artifacts = artifacts
        self._stages = stages
        self._policies = policies
        self._lineage = lineage
        self._context = context
        self._gates = gates

    def find(self, place: RegisteredSource) -> ModelVersion:
        """Return the version that a URI names.

        Raises:
            ModelNotFoundError: There is no such model.
            VersionNotFoundError: It has no such version, or none in the stage.
            AliasNotFoundError: It has no such alias.
            NotPermittedError: The user may not read it.
        """
        if place.version is not None:
            return self._versions.get(f"{place.name}/{place.version}")
        if place.alias is not None:
            return self._versions.get(f"{place.name}@{place.alias}")
        newest = self._stages.newest_of_stages(place.name)
        if place.stage is not None:
            policy, wanted = self._policies.policy(place.name), name_key(place.stage)
            newest = tuple(
                each for each in newest if name_key(shown_stage(policy, each.stage)) == wanted
            )
        if not newest:
            where = f" in the stage {place.stage}" if place.stage else ""
            raise VersionNotFoundError(
                f"no version{where}", field="source", value=place.name, remedy="Name its number"
            )
        return max(newest, key=lambda each: each.version_id)

    def copy_of(self, name: str, new: "NewSource", place: RegisteredSource) -> CopiedVersion:
        """Return a version of a model that is made of another version.

        Args:
            name: The model of the copy.
            new: What the client states.
            place: The other version.

        Raises:
            InvalidSourceError: It is a prompt, it has failed, or the client names another run.
            NotFoundError: There is no such version.
        """
        if self._models.model(place.name).tags.get(IS_PROMPT, "").lower() == "true":
            raise refusals.refused(
                new.source, "Prompt versions cannot be used as model version sources"
            )
        version = self.find(place)
        known = self._context.read_version(version.reference, source_of_version)
        run_id = (known.run_id if known else version.run_id) or ""
        model_id = (known.logged_model_id if known else None) or ""
        if new.run_id not in (None, run_id) or new.model_id not in (None, model_id):
            raise refusals.other_lineage(new.source)
        if version.state is SealState.FAILED:
            raise refusals.refused(new.source, "The registration of that version failed")
        source = VersionSource(
            source=f"models:/{version.reference}",
            location=(known.location or known.source) if known else version.artifact_uri,
            run_id=run_id or None,
            run_link=new.run_link,
            logged_model_id=model_id or None,
        )
        # What a policy judges first is pending until then, also if its bytes are known.
        has_bytes = version.state is SealState.SEALED and not self._gates.is_asked(name)
        manifest = self._artifacts.manifest(version.reference) if has_bytes else None
        return CopiedVersion(self._stated(new, version, source), manifest)

    def _stated(
        self, new: "NewSource", version: ModelVersion, source: VersionSource
    ) -> SourcedVersion:
        known = {name: getattr(version, name) for name in RecordedMetadata.model_fields}
        stated = {"description": new.description, "tags": dict(new.tags), "owners": ()}
        trainings = self._versions.trainings(version.reference, limit=1)
        is_reference = version.state is SealState.REFERENCE
        return SourcedVersion(
            metadata=RecordedMetadata.model_validate({**known, **stated}),
            origin=trainings[0].origin if trainings else TrainingOrigin(),
            lineage=self._lineage.lineage(version.reference),
            source=source,
            state=SealState.REFERENCE if is_reference else SealState.PENDING,
            state_reason=version.state_reason if is_reference else None,
        )
