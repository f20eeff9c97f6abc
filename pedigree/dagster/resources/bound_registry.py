"""The registry inside an op or asset: its verbs record the run as provenance."""

from collections.abc import Collection, Iterable
from pathlib import Path

import dagster as dg

from pedigree.artifacts.records import Manifest
from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion, Registration
from pedigree.dagster.asset_keys import AssetLike, key_of
from pedigree.dagster.assets.trained_model import TrainedModel, register_trained
from pedigree.dagster.capture.event_archive import archive_lookup
from pedigree.dagster.capture.lineage import LineageCapture, StepStart
from pedigree.dagster.capture.loads import report_load
from pedigree.dagster.capture.run_provenance import (
    RunProvenance,
    StepContext,
    code_folder,
    makes_asset,
    provenance_of,
)
from pedigree.dagster.capture.usages import step_usages
from pedigree.lifecycle.records import Move
from pedigree.lineage.code import current_code
from pedigree.lineage.records import LineageGraph, LineageNode, NodeKind
from pedigree.registry import Registry


class BoundRegistry:
    """A registry and the step that uses it.

    These verbs record the run that called them; ``registry`` has all other verbs.
    """

    def __init__(self, registry: Registry, context: StepContext) -> None:
        self.registry = registry
        self._context = context
        self._provenance: RunProvenance = provenance_of(context)

    @property
    def actor(self) -> Actor:
        """The actor in the settings, or else the one in the run's tags."""
        return self.registry.actor(self._provenance.actor)

    def register(
        self,
        name: str,
        trained: TrainedModel,
        *,
        flavor: str,
        trained_on: Iterable[AssetLike] = (),
    ) -> Registration:
        """Register a model with this run, op and commit, and write its card.

        Args:
            name: The registered model's name.
            trained: The model, as for ``@model_asset``.
            flavor: How it is saved and loaded.
            trained_on: Assets it was trained on. Since the reads were not captured, their newest
                events become *declared* inputs.

        Raises:
            InvalidInputError: The name, flavor, path or metadata is invalid; nothing was written.
        """
        registration = register_trained(
            self.registry,
            name,
            trained,
            flavor=flavor,
            provenance=self._provenance,
            code=current_code(self.registry.settings, code_folder(self._context)),
            lineage=self._lineage([key_of(asset) for asset in trained_on]),
        )
        self.registry.write_card(registration.version.reference, trained.notes)
        return registration

    def get(self, reference: str) -> ModelVersion:
        """Return the version that a reference names."""
        return self.registry.get(reference)

    def pull(self, reference: str, destination: Path | str) -> Manifest:
        """Write a version's files into a folder, verified."""
        return self.registry.pull(reference, destination)

    def load(self, reference: str, *, trust: Collection[str] = ()) -> object:
        """Return the model, loaded by its flavor, and record its use by the step's assets."""
        version = self.registry.get(reference)
        loaded = self.registry.load(version.reference, trust=trust)
        report_load(version)
        for use in step_usages(None):
            self.registry.operations.usages.record_usage(version.reference, use)
        return loaded

    def promote(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
        automatic: bool = False,
    ) -> Move:
        """Promote a version to a stage; see :meth:`pedigree.Registry.promote`."""
        return self.registry.promote(
            reference,
            stage,
            reason=reason,
            expected_generation=expected_generation,
            automatic=automatic,
            run_id=self._provenance.run_id,
            actor=self.actor,
        )

    def rollback(self, name: str, *, stage: str = "production", reason: str | None = None) -> Move:
        """Return a stage to its previous version; see :meth:`pedigree.Registry.rollback`."""
        return self.registry.rollback(
            name, stage=stage, reason=reason, run_id=self._provenance.run_id, actor=self.actor
        )

    def _lineage(self, keys: list[dg.AssetKey]) -> LineageGraph:
        provenance = self._provenance
        step = LineageNode(
            node_id=0,
            kind=NodeKind.STEP,
            asset=f"{provenance.job_name}/{provenance.step_key}",
            partition=provenance.partition,
            run_id=provenance.run_id,
            # The inputs of an op in a plain job are unknown.
            upstream=() if makes_asset(self._context) else None,
        )
        capture = LineageCapture(
            self._context, None, archive_lookup(self.registry, self._context.instance)
        )
        capture.declare(keys)
        started = StepStart.of(self._context.instance, provenance.run_id, provenance.step_key or "")
        return capture.finish(step, started)
