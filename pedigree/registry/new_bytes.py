"""What a sealing states about a version, and about the data of its training."""

from collections.abc import Sequence

from pedigree.artifacts.records import Manifest
from pedigree.audit.records import Actor
from pedigree.catalog.creation_look import KnownVersion
from pedigree.catalog.quarantine import quarantines_of
from pedigree.catalog.quarantine_marks import NewMarks
from pedigree.catalog.records import ModelVersion, RecordedMetadata, StatedVersion
from pedigree.catalog.sealing import Sealing
from pedigree.lifecycle.check_queue import LEASE
from pedigree.lifecycle.gate_inputs import look_at_model
from pedigree.lifecycle.records import Verdict
from pedigree.postgres.transaction import Transaction
from pedigree.sources.mlmodel import StatedModel

_JUDGED_AFTER = f"{LEASE.total_seconds()} s"


def stated_of(version: ModelVersion, found: StatedModel, flavor: str | None) -> StatedVersion:
    """Return what a version says, with what its files say of what it does not."""
    known = {name: getattr(version, name) for name in RecordedMetadata.model_fields}
    known |= {
        "flavor": version.flavor or flavor or found.flavor,
        "signature": version.signature or found.signature,
    }
    return StatedVersion(metadata=RecordedMetadata(**known))


def sealing_of(
    version: ModelVersion,
    manifest: Manifest,
    stated: StatedVersion | None,
    actor: Actor,
    verdicts: Sequence[Verdict],
) -> Sealing:
    """Return a sealing, which states a training only if none was known."""
    is_training = stated is not None and stated.has_training and not version.trainings
    return Sealing(
        version=version,
        manifest=manifest,
        stated=stated if is_training else None,
        marks=NewMarks(unchanged=version.quarantine_reason),
        actor=actor,
        judge_after=_JUDGED_AFTER,
        verdicts=[verdict.model_dump(mode="json") for verdict in verdicts],
    )


def marks_of(sealing: Sealing, transaction: Transaction) -> NewMarks:
    """Return the open quarantines of the data on which a stated training depends."""
    version, stated = sealing.version, sealing.stated
    if stated is None or not stated.lineage.nodes:
        return sealing.marks
    model = look_at_model(transaction, version.model_name)
    known = KnownVersion(version, "", ())
    return quarantines_of(transaction, stated.lineage, known, model.model_id)
