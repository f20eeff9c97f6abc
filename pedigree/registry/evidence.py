"""What checks may look at, from the groups of operations of a registry in this process."""

from pedigree.contract.artifacts import ArtifactContract
from pedigree.contract.cards import CardContract
from pedigree.contract.datasets import DatasetContract
from pedigree.contract.evaluations import EvaluationContract
from pedigree.contract.lineage import LineageContract
from pedigree.contract.policies import PolicyContract
from pedigree.contract.stages import StageContract


class RegistryEvidence:
    """The evidence of :class:`pedigree.lifecycle.checks.base.Evidence`, read from a registry."""

    def __init__(
        self,
        *,
        stages: StageContract,
        policies: PolicyContract,
        artifacts: ArtifactContract,
        lineage: LineageContract,
        datasets: DatasetContract,
        evaluations: EvaluationContract,
        cards: CardContract,
    ) -> None:
        self.champion = stages.champion
        self.policy = policies.policy
        self.verify = artifacts.verify
        self.folder = artifacts.folder
        self.lineage = lineage.lineage
        self.datasheets = datasets.datasheets
        self.data_verdicts = datasets.data_verdicts
        self.evaluation = evaluations.evaluation
        self.card_fields = cards.card_fields
