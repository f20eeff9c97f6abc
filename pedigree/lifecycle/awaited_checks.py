"""Pending versions that wait for asset checks of users, which a Dagster deployment runs.

The registry has their bytes, kept by an upload session, and no verdict on them yet: a verdict is
about a sealed version. What runs find is kept until the version is sealed or fails.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from pedigree.artifacts.records import Digest, Manifest
from pedigree.catalog.names import name_key
from pedigree.catalog.records import StatedVersion
from pedigree.catalog.references import Reference
from pedigree.lifecycle.records import Verdict
from pedigree.lifecycle.store import SQL
from pedigree.postgres.transaction import Transaction

PATIENCE = timedelta(minutes=10)
"""How long a version waits since a deployment last said that it runs the checks."""

# A tick of a sensor asks for no more of them; the next tick asks for the rest.
_MOST = 100


class AwaitedChecks(NamedTuple):
    """A pending version, and the checks that somebody must run on its bytes."""

    name: str
    version: int
    digest: Digest
    missing: tuple[str, ...]

    @property
    def reference(self) -> str:
        """``customer_churn/3``."""
        return f"{self.name}/{self.version}"


class AwaitedJudgement(NamedTuple):
    """What a pending version waits for, and what will be sealed."""

    name: str
    version: int
    upload_id: UUID
    """The session that keeps the bytes."""
    manifest: Manifest
    stated: StatedVersion | None
    checks: tuple[str, ...]
    answers: Mapping[str, Verdict]
    problem: str | None
    """Why nobody will run the missing checks."""
    is_asked: bool
    """A deployment said lately that it runs them, or the version only began to wait."""

    @property
    def reference(self) -> str:
        """``customer_churn/3``."""
        return f"{self.name}/{self.version}"

    @property
    def missing(self) -> tuple[str, ...]:
        """The checks without an answer."""
        return tuple(name for name in self.checks if name not in self.answers)


def await_checks(transaction: Transaction, judgement: AwaitedJudgement) -> None:
    """Let a pending version wait for checks, without answers."""
    stated = judgement.stated
    transaction.execute(
        SQL["await_judgement"],
        {
            **_key(judgement.name, judgement.version),
            "upload_id": judgement.upload_id,
            "digest": judgement.manifest.digest,
            "manifest": judgement.manifest.canonical,
            "stated": None if stated is None else Jsonb(stated.model_dump(mode="json")),
            "checks": list(judgement.checks),
        },
    )


def awaited_judgement(transaction: Transaction, reference: Reference) -> AwaitedJudgement | None:
    """Return what a pending version waits for; None if it waits for no check."""
    values = {**_key(reference.name, reference.version), "patience": PATIENCE}
    row = transaction.execute(SQL["awaited_judgement"], values).fetchone()
    if row is None:
        return None
    stated, answers = row.pop("stated"), row.pop("answers")
    manifest = Manifest.model_validate_json(bytes(row.pop("manifest")))
    return AwaitedJudgement(
        **{**row, "checks": tuple(row["checks"])},
        manifest=manifest,
        stated=None if stated is None else StatedVersion.model_validate(stated),
        answers={name: Verdict.model_validate(each) for name, each in answers.items()},
    )


def awaited_checks(transaction: Transaction) -> tuple[AwaitedChecks, ...]:
    """Return the versions that wait for runs of checks, the longest waiting first."""
    rows = transaction.execute(SQL["awaited_checks"], {"most": _MOST}).fetchall()
    return tuple(AwaitedChecks(**{**row, "missing": tuple(row["missing"])}) for row in rows)


def ask_for_checks(transaction: Transaction, awaited: AwaitedChecks) -> None:
    """Note that a deployment runs the checks for which a version waits."""
    transaction.execute(SQL["ask_for_checks"], _key(awaited.name, awaited.version))


def give_up_checks(transaction: Transaction, awaited: AwaitedChecks, problem: str) -> None:
    """Note why nobody will run the checks for which a version waits, and let its work go on."""
    values = {**_key(awaited.name, awaited.version), "problem": problem}
    transaction.execute(SQL["give_up_checks"], values)


def awaiting_version(transaction: Transaction, model_id: int, digest: Digest) -> int | None:
    """Return the first pending version of a model that waits with some bytes."""
    values = {"model_id": model_id, "digest": digest}
    row = transaction.execute(SQL["awaiting_version"], values).fetchone()
    return None if row is None else int(row["version"])


def answer_awaited(transaction: Transaction, model_id: int, verdict: Verdict) -> None:
    """Keep what a run found for all pending versions of a model that wait with its bytes."""
    values = {
        "model_id": model_id,
        "digest": verdict.digest,
        "check": verdict.check,
        "verdict": Jsonb(verdict.model_dump(mode="json")),
    }
    transaction.execute(SQL["answer_awaited"], values)


def end_awaited(transaction: Transaction, reference: Reference) -> UUID | None:
    """Let a version wait no more; return the session of its bytes, None if it did not wait."""
    row = transaction.execute(
        SQL["end_awaited"], _key(reference.name, reference.version)
    ).fetchone()
    return None if row is None else row["upload_id"]


def is_dagster_there(transaction: Transaction) -> bool:
    """Return whether the mirror of a Dagster deployment ran lately, so that it may run checks."""
    row = transaction.execute(SQL["is_dagster_there"], {"age": PATIENCE}).fetchone()
    return row == {"is_there": True}


def _key(name: str, version: int | None) -> dict[str, Any]:
    return {"name_key": name_key(name), "version": version}
