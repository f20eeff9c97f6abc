"""What the page of a model shows: most of it in two round trips."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pedigree.access.named_records import with_names
from pedigree.access.records import Permission
from pedigree.catalog import lookups
from pedigree.catalog.names import name_key, validate_name
from pedigree.catalog.records import ModelVersion, RegisteredModel
from pedigree.catalog.references import Reference
from pedigree.lifecycle import stage_requests, tenures
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.gate_inputs import model_state, model_state_question
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import CHAMPION_STAGE, Policy, Tenure
from pedigree.lifecycle.store import SQL
from pedigree.postgres.together import ask_together
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class CheckCounts(NamedTuple):
    """The newest verdicts of the checks on a version."""

    passed: int
    warned: int
    failed: int


class GoneModel(NamedTuple):
    """A model that was deleted.

    Attributes:
        name: Its name.
        deleted_at: When it was deleted.
        versions: How many versions would be restored with it, because their bytes still exist.
    """

    name: str
    deleted_at: datetime
    versions: int


class ModelParts(NamedTuple):
    """A model, and what the registry knows of it.

    Attributes:
        model: The model.
        policy: Its policy.
        versions: A page of its versions, the newest first.
        tenures: The newest tenures of its stages and aliases, in the order of their beginning.
        requests: The open requests for stages, the oldest first.
        champions: The versions in production, the one that entered last first.
    """

    model: RegisteredModel
    policy: Policy
    versions: tuple[ModelVersion, ...]
    tenures: tuple[Tenure, ...]
    requests: tuple[StageRequest, ...]
    champions: tuple[ModelVersion, ...]


class ModelPageOperations(ContextGroup):
    """All that is shown of one model at once."""

    def parts(
        self, name: str, *, versions: int, tenures: int, few: int, before: int | None
    ) -> ModelParts:
        """Return a model and what the registry knows of it, in two round trips.

        Args:
            name: The model.
            versions: How many versions at most.
            tenures: How many tenures at most.
            few: How many requests and champions at most.
            before: Only versions before this one.

        Raises:
            NotPermittedError: The principal may not read the model.
            ModelNotFoundError: There is no such model.
        """
        self._context.require(Permission.READ, name)
        limits = _Limits(versions, tenures, few, before)
        found = self._context.database.read(lambda transaction: _read(transaction, name, limits))
        return with_names(found, self._context.names) if self._context.shows_names else found

    def check_counts(self, name: str, numbers: Sequence[int]) -> Mapping[int, CheckCounts]:
        """Return how the checks on versions of a model ended; without those that have none.

        Raises:
            NotPermittedError: The principal may not read the model.
        """
        self._context.require(Permission.READ, name)
        values = {"name_key": name_key(name), "versions": list(numbers)}

        def read(transaction: Transaction) -> Mapping[int, CheckCounts]:
            rows = transaction.execute(SQL["check_counts"], values).fetchall()
            return {
                row["version"]: CheckCounts(row["passed"], row["warned"], row["failed"])
                for row in rows
            }

        return self._context.database.read(read)

    def gone(self, name: str) -> GoneModel | None:
        """Return what is known of a deleted model; None if there is none of that name.

        Raises:
            NotPermittedError: The principal may not read the model.
            InvalidInputError: No model can have the name.
        """
        self._context.require(Permission.READ, name)
        values = {"name_key": name_key(validate_name(name))}

        def read(transaction: Transaction) -> GoneModel | None:
            row = transaction.execute(SQL["deleted_model"], values).fetchone()
            if row is None or row["name"] != name:
                return None
            return GoneModel(row["name"], row["deleted_at"], row["versions"])

        return self._context.database.read(read)


class _Limits(NamedTuple):
    versions: int
    tenures: int
    few: int
    before: int | None


def _read(transaction: Transaction, name: str, limits: _Limits) -> ModelParts:
    count, before = limits.versions, limits.before
    known = ask_together(
        transaction,
        [
            lookups.model_question(name),
            model_state_question(name),
            lookups.list_versions_question(name, limit=count, after=before, newest_first=True),
            tenures.timeline_question(name, limit=limits.tenures, before=None),
        ],
    )
    model = lookups.find_model(known, name)
    state = model_state(known, name)
    held = tenures.timeline(known, name, None, limit=limits.tenures, before=None)
    references = _champions(model, held)[: limits.few]
    model_id = state["model_id"]
    asked = stage_requests.open_requests_question(model_id, limit=limits.few)
    known = ask_together(known, [asked, *map(lookups.versions_question, references)])
    return ModelParts(
        model=model,
        policy=read_policy(state["policy"]),
        versions=lookups.list_versions(known, name, limit=count, after=before, newest_first=True),
        tenures=held,
        requests=stage_requests.open_requests(known, model_id, limit=limits.few),
        champions=tuple(lookups.find_version(known, each) for each in references),
    )


def _champions(model: RegisteredModel, held: tuple[Tenure, ...]) -> list[Reference]:
    pointer = f"stage:{CHAMPION_STAGE}"
    entered = {
        each.version_id: each.tenure_id
        for each in held
        if each.pointer == pointer and not each.until
    }
    numbers = sorted(
        model.stages.get(CHAMPION_STAGE, ()),
        key=lambda number: entered.get(number, 0),
        reverse=True,
    )
    return [Reference(name=model.name, version=number) for number in numbers]
