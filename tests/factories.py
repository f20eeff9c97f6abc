"""Small valid values, so that a test says only what it is about."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from pedigree import registry as in_process
from pedigree.catalog.records import DeclaredMetadata, NewVersion
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import MetricRule, Policy, RetentionRule
from pedigree.registry import Registry
from pedigree.signatures.records import Column, ColumnType, Signature

T = TypeVar("T")

SIGNATURE = Signature(
    inputs=(Column(name="age", type=ColumnType.DOUBLE),),
    outputs=(Column(name="score", type=ColumnType.DOUBLE),),
)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SECRET_KEY = SecretStr(b64encode(bytes(32)).decode())
AUC_POLICY: Policy = default_policy(MetricRule(metric="auc"))


def new_version(**fields: Any) -> NewVersion:
    """A complete, valid registration; ``fields`` replace what the test is about."""
    apart = ("environment", "origin", "lineage", "verification")
    outer = {key: fields.pop(key) for key in apart if key in fields}
    metadata = {
        "flavor": "generic",
        "signature": SIGNATURE,
        "run_id": "run-1",
        "git_commit": COMMIT,
        "git_dirty": False,
        **fields,
    }
    return NewVersion(metadata=DeclaredMetadata(**metadata), **outer)


def artifact(folder: Path, content: str = "weights") -> Path:
    """A folder that holds one file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.bin").write_text(content)
    return folder


def with_secret_key(registry: Registry, **settings: Any) -> Registry:
    """The same registry, in a process that can keep secrets; ``settings`` replace others."""
    known = {"secret_key": SECRET_KEY, **settings}
    changed = registry.settings.model_copy(update=known)
    return Registry(registry.database, registry.store, changed)


def in_one_transaction(registry: Registry, work: Callable[[Registry], T]) -> T:
    """What several verbs do, all of it or nothing; ``work`` is given the registry that joins."""
    return registry.context.transaction(lambda context: work(in_process.registry_in(context)))


def leave_unjudged(registry: Registry, name: str) -> None:
    """Leave the first version of a model as a registering process that was killed leaves it."""
    registry.database.transaction(
        lambda transaction: transaction.execute(
            "INSERT INTO pedigree.unjudged (model_id, version, due_at)"
            " SELECT model_id, 1, clock_timestamp() + interval '5 min'"
            " FROM pedigree.registered_model WHERE name = %s",
            [name],
        )
    )


def register(
    registry: Registry, folder: Path, content: str = "weights", name: str = "churn", **fields: Any
) -> str:
    """Register some content, and return the version's reference."""
    done = registry.register(name, artifact(folder / content, content), new_version(**fields))
    return done.version.reference


def register_candidate(
    registry: Registry, folder: Path, content: str, name: str = "churn", **fields: Any
) -> str:
    """Register some content and run its registration checks, by which it becomes a candidate."""
    reference = register(registry, folder, content, name, **fields)
    for check in registry.registration_checks(name):
        registry.run_check(reference, check)
    return reference


def promote_to_production(registry: Registry, reference: str) -> None:
    """Take a candidate through staging to production."""
    registry.promote(reference, "staging")
    registry.promote(reference, "production")


def free_policy(rule: RetentionRule | None = None) -> Policy:
    """The default stages, which ask for no checks."""
    stages = tuple(
        stage.model_copy(update={"checks": (), "after": ("none", *stage.after)})
        for stage in default_policy().stages
    )
    return Policy(stages=stages, retention=rule)


def make_failures_due(registry: Registry) -> None:
    """Let the members of background work that failed be tried again now."""
    registry.database.transaction(
        lambda transaction: transaction.execute(
            "UPDATE pedigree.failure SET next_at = clock_timestamp()"
        )
    )
