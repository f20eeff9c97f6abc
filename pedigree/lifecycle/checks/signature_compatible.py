"""Check that callers of production can call a version the same way."""

from collections.abc import Sequence

from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.checks.base import Check, Evidence, Finding, NoSettings, details
from pedigree.lifecycle.policy import SIGNATURE_COMPATIBLE
from pedigree.signatures.compare import breaking_changes


def _judge(evidence: Evidence, version: ModelVersion, _: NoSettings) -> Finding:
    champion = evidence.champion(version.model_name)
    changes = _breaking(champion, version)
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


def _breaking(champion: ModelVersion | None, version: ModelVersion) -> Sequence[str]:
    """Return what breaks callers; an unknown signature, or unknown bytes, may break them."""
    if champion is None:
        return ()
    if champion.digest is None:
        return [f"{champion.reference} has no digest, so its interface may change"]
    if champion.signature is None or version.signature is None:
        unknown = [each.reference for each in (champion, version) if each.signature is None]
        return [f"the signature of {reference} is not known" for reference in unknown]
    return breaking_changes(champion.signature, version.signature)


CHECK = Check(
    name=SIGNATURE_COMPATIBLE,
    asks="Callers of the production version can call this version the same way",
    judge=_judge,
    relative=True,
)
