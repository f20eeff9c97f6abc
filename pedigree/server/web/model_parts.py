"""Parts of the page of a model: its activity, its aliases, one day, and what can be done."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from pedigree.access.grants import SOME
from pedigree.access.records import Permission
from pedigree.audit.log_search import EventFilter
from pedigree.catalog.records import ModelVersion, RegisteredModel
from pedigree.errors import InvalidInputError
from pedigree.lifecycle.records import ARCHIVED, Policy, Tenure
from pedigree.registry.model_pages import CheckCounts
from pedigree.server.web.activity import ROUTINE
from pedigree.server.web.columns import CHECKS, TableColumn
from pedigree.server.web.event_lists import ListedEvent, moment_in
from pedigree.server.web.event_words import is_routine, said
from pedigree.server.web.visits import Visit
from pedigree.server.web.who_may import who_may

DAY = "on"
"""The parameter that names a day."""

_EVENTS = 12
# Cards are drawn after most changes, and their events are not shown.
_EVENTS_READ = 40
_MOST_OF_A_DAY = 200
_ALIAS = "alias:"


class AliasRow(NamedTuple):
    """An alias of a model.

    Attributes:
        name: The alias.
        version: The version that it points to.
        tenure: Since when, set by whom and why; None if it is older than the tenures read.
    """

    name: str
    version: int
    tenure: Tenure | None


class ModelAction(NamedTuple):
    """An action on a model.

    Attributes:
        title: What it does.
        link: Its form.
        permission: What it needs.
        may: Whether the visitor may do it, as far as grants say; the verb judges in any case.
        is_grave: Whether it takes something away.
    """

    title: str
    link: str
    permission: Permission
    may: bool
    is_grave: bool = False

    @property
    def who_may(self) -> str:
        """Who may do it, in words."""
        return who_may(self.permission)


class HeldDay(NamedTuple):
    """What the stages and aliases of a model pointed to on a day.

    Attributes:
        typed: What the URL says.
        day: The day, in UTC; None if it cannot be read.
        tenures: What was held at any time of it.
        is_cut: More was held.
        error: Why it cannot be read; None if it can.
    """

    typed: str
    day: date | None = None
    tenures: tuple[Tenure, ...] = ()
    is_cut: bool = False
    error: InvalidInputError | None = None


def model_parts(
    visit: Visit,
    model: RegisteredModel,
    tenures: Sequence[Tenure],
    versions: Sequence[ModelVersion],
    policy: Policy,
) -> dict[str, Any]:
    """Return what the parts of a model's page show.

    Args:
        visit: The visit.
        model: The model.
        tenures: Its newest tenures.
        versions: The versions of the page, the newest first.
        policy: Its policy.
    """
    return {
        "activity": _activity(visit, model.name),
        "alias_rows": alias_rows(model, tenures),
        "may_move": visit.principal.may(Permission.MOVE, model.name),
        "may_prove": visit.principal.may(Permission.AUDIT),
        "day": held_on(visit, model.name, policy),
        "training_asset": _training_asset(visit, versions),
        "model_actions": _actions(visit, model),
    }


def _activity(visit: Visit, name: str) -> tuple[ListedEvent, ...]:
    """Return the newest events of a model, without runs, reads and drawn cards."""
    found = visit.registry.operations.activity.recent_events(
        EventFilter(model=name, without=ROUTINE), limit=_EVENTS_READ
    )
    shown = [each for each in found.events if not is_routine(each)][:_EVENTS]
    return tuple(ListedEvent(each, said(each)) for each in shown)


def alias_rows(model: RegisteredModel, tenures: Sequence[Tenure]) -> tuple[AliasRow, ...]:
    """Return the aliases of a model, by name, each with its present tenure."""
    present = {each.pointer: each for each in tenures if each.until is None}
    return tuple(
        AliasRow(name, version, present.get(f"{_ALIAS}{name}"))
        for name, version in sorted(model.aliases.items())
    )


def held_on(visit: Visit, name: str, policy: Policy) -> HeldDay:
    """Return what was held on the day that the URL names; nothing is read without one.

    The last stage of the policy comes first, and aliases last.
    """
    typed = visit.query.get(DAY, "").strip()
    if not typed:
        return HeldDay("")
    try:
        start = moment_in(DAY, typed).replace(hour=0, minute=0, second=0, microsecond=0)
        end = start + timedelta(days=1)
    except InvalidInputError as error:
        return HeldDay(typed, error=error)
    except OverflowError:
        problem = InvalidInputError(
            "is later than any time of a log", field=DAY, value=typed, remedy="Write 2026-11-01"
        )
        return HeldDay(typed, error=problem)
    read = visit.registry.operations.activity.held_within
    found = read(name, start, end, limit=_MOST_OF_A_DAY + 1)
    order = [f"stage:{rule.name}" for rule in policy.stages if rule.name != ARCHIVED]

    def place(tenure: Tenure) -> tuple[bool, int]:
        known = order.index(tenure.pointer) if tenure.pointer in order else -1
        return tenure.pointer.startswith(_ALIAS), -known

    shown = tuple(sorted(found[:_MOST_OF_A_DAY], key=place))
    return HeldDay(typed, start.date(), shown, is_cut=len(found) > len(shown))


def _training_asset(visit: Visit, versions: Sequence[ModelVersion]) -> str | None:
    """Return the asset whose run trained the newest version; it is read only for a link to it."""
    if visit.links.dagster is None or not versions:
        return None
    found = visit.registry.trainings(versions[0].reference, limit=1)
    return found[0].origin.asset if found else None


def _actions(visit: Visit, model: RegisteredModel) -> tuple[ModelAction, ...]:
    links, may, name = visit.links, visit.principal.may, model.name
    describe = ModelAction(
        "Describe",
        links.describe_model(name),
        Permission.DESCRIBE,
        may(Permission.DESCRIBE, name),
    )
    if not model.latest_version:
        return (describe,)
    alias = ModelAction(
        "Set an alias", links.alias_model(name), Permission.MOVE, may(Permission.MOVE, name)
    )
    back = ModelAction(
        "Roll back",
        links.rollback(name),
        Permission.MOVE,
        may(Permission.MOVE, name, SOME),
        is_grave=True,
    )
    return (describe, alias, back) if model.stages else (describe, alias)


def with_checks(
    visit: Visit,
    name: str,
    versions: Sequence[ModelVersion],
    columns: Sequence[TableColumn],
) -> tuple[TableColumn, ...]:
    """Return the columns of a list of versions; that of the checks with what is known of them.

    Nothing is read if nobody chose that column.
    """
    if not versions or all(column.key != CHECKS for column in columns):
        return tuple(columns)
    numbers = [version.version_id for version in versions]
    counts = visit.registry.operations.model_pages.check_counts(name, numbers)
    return tuple(
        column._replace(cell=lambda version: checks_in_words(counts, version))
        if column.key == CHECKS
        else column
        for column in columns
    )


def checks_in_words(counts: Mapping[int, CheckCounts], version: ModelVersion) -> str | None:
    """Return in a few words how the checks on a version ended; None if none ran."""
    found = counts.get(version.version_id)
    if found is None:
        return None
    words = [f"{found.passed} of {sum(found)} passed"]
    if found.failed:
        words.append(f"{found.failed} failed")
    if found.warned:
        words.append(f"{found.warned} warn")
    return ", ".join(words)
