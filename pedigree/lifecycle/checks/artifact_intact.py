"""Check that a version's bytes are the registered ones."""

from pedigree.catalog.records import ModelVersion
from pedigree.errors import CorruptionError
from pedigree.lifecycle.checks.base import Check, Evidence, Finding, NoSettings, details
from pedigree.lifecycle.policy import ARTIFACT_INTACT


def _judge(evidence: Evidence, version: ModelVersion, _: NoSettings) -> Finding:
    try:
        manifest = evidence.verify(version.reference)
    except CorruptionError as error:
        return Finding(passed=False, summary=str(error))
    count = len(manifest.files)
    files = "one file" if count == 1 else f"{count} files"
    return Finding(
        passed=True,
        summary=f"{files}, {manifest.size} bytes, every digest correct",
        details=details(files=count, bytes=manifest.size),
    )


CHECK = Check(
    name=ARTIFACT_INTACT,
    asks="Every file is in the store with its registered bytes",
    judge=_judge,
    of_bytes=True,
)
