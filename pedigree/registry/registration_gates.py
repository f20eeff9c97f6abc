"""The registration checks of policies, run on the bytes of versions that are not loadable yet."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pedigree.artifacts.records import Manifest
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.sealed import sealed_digest
from pedigree.lifecycle.gate_inputs import look_at_model, verdicts_on_bytes
from pedigree.lifecycle.records import RecordedVerdict, Verdict
from pedigree.lifecycle.registration_gate import RegistrationJudgement, registration_gate
from pedigree.lifecycle.shared_verdicts import JudgedBytes, judged_bytes
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import Context
from pedigree.registry.evidence import RegistryEvidence


class RegistrationGateOperations:
    """The registration checks of policies, run on the bytes of versions that are not loadable yet.

    Args:
        context: The registry's database and store.
        evidence: What the checks read.
    """

    def __init__(self, context: Context, evidence: RegistryEvidence) -> None:
        self._context = context
        self._evidence = evidence

    def is_asked(self, name: str) -> bool:
        """Return whether the policy of a model has registration checks.

        Raises:
            ModelNotFoundError: There is no such model.
        """
        model = self._context.database.read(lambda transaction: look_at_model(transaction, name))
        return bool(model.policy.registration)

    def judge_bytes(
        self,
        version: ModelVersion,
        verify: Callable[[], Manifest],
        folder: Path,
        answers: Sequence[Verdict] = (),
    ) -> RegistrationJudgement:
        """Judge bytes by the registration checks of a model's policy; nothing is written.

        The verdicts that it returns are recorded once the version is sealed.

        Args:
            version: The version with the digest of its bytes, also if it is not sealed yet.
            verify: Reads the bytes again, compares their digests, and returns the manifest.
            folder: The files.
            answers: What runs of other checks found on the bytes.

        Raises:
            ModelNotFoundError: There is no such model.
            NotSealedError: The version has no digest.
            InvalidPolicyError: A check does not accept the policy's settings.
            MissingDependencyError: A library that a check needs is not installed.
        """
        digest = sealed_digest(version)

        def read(
            transaction: Transaction,
        ) -> tuple[tuple[RecordedVerdict, ...], JudgedBytes]:
            model = look_at_model(transaction, version.model_name)
            return verdicts_on_bytes(transaction, model, digest), judged_bytes(
                transaction, model, digest
            )

        known, bytes_known = self._context.database.read(read)
        model = bytes_known.model
        return registration_gate(
            self._evidence.of_draft(model.champion, model.policy, verify, folder),
            version,
            model,
            known=known,
            bytes_known=bytes_known,
            answers=answers,
            actor=self._context.actor(),
        )
