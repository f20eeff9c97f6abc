"""What a sealing states about a version and the data of its training, and its transaction."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from pedigree.access.pseudonyms import Names
from pedigree.artifacts.records import Manifest
from pedigree.audit.records import Actor
from pedigree.catalog.creation import Supply
from pedigree.catalog.creation_calls import StaleLookError
from pedigree.catalog.creation_look import KnownVersion
from pedigree.catalog.quarantine import quarantines_of
from pedigree.catalog.quarantine_marks import NewMarks
from pedigree.catalog.records import ModelVersion, RecordedMetadata, StatedVersion
from pedigree.catalog.sealing import Sealing, seal
from pedigree.errors import DatabaseBusyError
from pedigree.lifecycle.check_queue import LEASE
from pedigree.lifecycle.gate_inputs import look_at_model
from pedigree.lifecycle.records import Verdict
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction
from pedigree.registry.mlflow_trainings import learnt
from pedigree.registry.source_bytes import FetchedSource
from pedigree.sources.mlmodel import StatedModel, stated_model

# Quarantines of data change rarely.
_TRIES = 5
_JUDGED_AFTER = f"{LEASE.total_seconds()} s"


def stated_of(version: ModelVersion, found: StatedModel, flavor: str | None) -> StatedVersion:
    """Return what a version says, with what its files say of what it does not."""
    known = {name: getattr(version, name) for name in RecordedMetadata.model_fields}
    known |= {
        "flavor": version.flavor or flavor or found.flavor,
        "signature": version.signature or found.signature,
    }
    return StatedVersion(metadata=RecordedMetadata(**known))


def stated_of_fetched(
    version: ModelVersion, fetched: FetchedSource, flavor: str | None, names: Names
) -> StatedVersion:
    """Return what a version and its files say, with what the tracking server knows of its run."""
    stated = stated_of(version, stated_model(fetched.folder), flavor)
    if fetched.found is None or fetched.found.run is None:
        return stated
    found = StatedModel(flavor=stated.metadata.flavor, signature=stated.metadata.signature)
    known = learnt(version.description, version.tags, fetched.found, found, names)
    return StatedVersion(metadata=known.metadata, origin=known.origin, lineage=known.lineage)


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


def _marks_of(sealing: Sealing, transaction: Transaction) -> NewMarks:
    """Return the open quarantines of the data on which a stated training depends."""
    version, stated = sealing.version, sealing.stated
    if stated is None or not stated.lineage.nodes:
        return sealing.marks
    model = look_at_model(transaction, version.model_name)
    known = KnownVersion(version, "", ())
    return quarantines_of(transaction, stated.lineage, known, model.model_id)


def give_bytes(database: Database, sealing: Sealing, supply: Supply) -> None:
    """Seal a version; look again if data that it depends on was quarantined meanwhile.

    Raises:
        DatabaseBusyError: Data was quarantined each time.
        PedigreeError: As :func:`pedigree.catalog.sealing.seal`.
    """
    for _ in range(_TRIES):
        marks = database.read(partial(_marks_of, sealing))
        with suppress(StaleLookError):
            seal(database, replace(sealing, marks=marks), supply)
            return
    raise DatabaseBusyError(
        f"data that {sealing.version.reference} depends on was quarantined each time",
        remedy="Try again in a few seconds",
    )


def with_bytes(
    version: ModelVersion, manifest: Manifest, stated: StatedVersion | None
) -> ModelVersion:
    """Return a version that is not sealed as checks see it: with its digest and what is known."""
    bytes_of = {
        "digest": manifest.digest,
        "artifact_uri": f"pedigree://artifacts/{manifest.digest}",
        "size": manifest.size,
    }
    described = {"flavor": manifest.flavor, "signature": manifest.signature}
    fields = RecordedMetadata.model_fields
    known = {name: getattr(stated.metadata, name) for name in fields} if stated else {}
    return version.model_copy(update={**known, **bytes_of, **described})
