"""Check that callers of production can call a version the same way."""

from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.checks.base import Check, Evidence, Finding, NoSettings, details
from pedigree.lifecycle.policy import SIGNATURE_COMPATIBLE
from pedigree.signatures.compare import breaking_changes


def _judge(evidence: Evidence, version: ModelVersion, _: NoSettings) -> Finding:
    champion = evidence.champion(version.model_name)
    changes = breaking_changes(champion.signature, version.signature) if champion else ()
    return Finding(
        passed=not changes,
        relative=True,
        digest_compared=champion.digest if champion else None,
        summary="; ".join(changes)
        or (
            f"callers of {champion.reference} can call it the same way"
            if champion
            else "there is no champion to be compatible with"
        ),
        details=details(champion=champion.reference if champion else None, changes=list(changes)),
    )


CHECK = Check(
    name=SIGNATURE_COMPATIBLE,
    asks="Callers of the production version can call this version the same way",
    judge=_judge,
    relative=True,
)
