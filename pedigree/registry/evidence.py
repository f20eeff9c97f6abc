"""The evidence that checks read, from a registry in this process."""

from collections.abc import Callable, Collection
from copy import copy
from pathlib import Path
from typing import Self

from pedigree.artifacts.records import Manifest
from pedigree.artifacts.scan import FileScan, scan
from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.records import Policy
from pedigree.registry.artifacts import ArtifactOperations
from pedigree.registry.cards import CardOperations
from pedigree.registry.context import Context
from pedigree.registry.datasets import DatasetOperations
from pedigree.registry.evaluations import EvaluationOperations
from pedigree.registry.lineage import LineageOperations
from pedigree.registry.policies import PolicyOperations
from pedigree.registry.stages import StageOperations
from pedigree.registry.versions import VersionOperations
from pedigree.untrusted.limits import ProcessLimits


class RegistryEvidence:
    """The evidence of :class:`pedigree.lifecycle.checks.base.Evidence`, read from a registry.

    A check reads the whole registry, even if its caller may read less: datasheets and verdicts on
    data belong to no model.

    Args:
        context: The registry's database and store.
    """

    def __init__(self, context: Context) -> None:
        everything = context.used_by(None)
        versions = VersionOperations(everything)
        artifacts = ArtifactOperations(everything, versions, notes_reads=False)
        datasets = DatasetOperations(everything)
        self.champion: Callable[[str], ModelVersion | None] = StageOperations(everything).champion
        self.policy: Callable[[str], Policy] = PolicyOperations(everything).policy
        self.verify: Callable[[str], Manifest] = artifacts.verify
        self.folder: Callable[[str], Path] = artifacts.folder
        self.lineage = LineageOperations(everything, versions).lineage
        self.datasheets = datasets.datasheets
        self.data_verdicts = datasets.data_verdicts
        self.evaluation = EvaluationOperations(everything).evaluation
        self.card_fields = CardOperations(everything).card_fields
        settings = context.settings
        self._limits = ProcessLimits(
            memory=settings.scan_memory,
            time=settings.scan_timeout,
            at_once=settings.scans_at_once,
            niceness=settings.scan_niceness,
        )

    def of_draft(
        self,
        champion: ModelVersion | None,
        policy: Policy,
        verify: Callable[[], Manifest],
        folder: Path | None = None,
    ) -> Self:
        """Return the evidence on a version that has no number yet.

        Args:
            champion: The champion of its model.
            policy: The policy of its model.
            verify: Reads its bytes again, as :meth:`verify` does for a version.
            folder: Its files, if they are in a folder.
        """
        other = copy(self)
        other.champion = lambda _: champion
        other.policy = lambda _: policy
        other.verify = lambda _: verify()
        if folder is not None:
            other.folder = lambda _: folder
        return other

    def scanned(self, reference: str, allow: Collection[str]) -> tuple[FileScan, ...]:
        """Scan a version's files for code, in a confined process."""
        return scan(self.folder(reference), allow, limits=self._limits)
