"""What an action on a version is: its form, what it says beforehand, and what it does."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.errors import InvalidInputError
from pedigree.lifecycle.records import ARCHIVED
from pedigree.registry import Registry
from pedigree.server.web.consequences import Subject

Values = Mapping[str, str]

GENERATION = "generation"
"""The field with the state of the model that the visitor saw."""


@dataclass(frozen=True, kw_only=True)
class FormField:
    """A field of a form.

    Attributes:
        name: Its name.
        label: What is written above it.
        is_required: Whether it must be filled in.
        is_long: Whether it has several lines.
        value: What it holds before anybody types.
        choices: What can be chosen; empty for a text.
    """

    name: str
    label: str
    is_required: bool = False
    is_long: bool = False
    value: str = ""
    choices: tuple[str, ...] = ()


REASON = FormField(name="reason", label="Reason, for the audit log", is_long=True)
WHY = FormField(name="reason", label="Reason, for the audit log", is_required=True, is_long=True)


@dataclass(frozen=True, kw_only=True)
class Action:
    """An action on a version.

    Attributes:
        word: The last part of its path.
        title: What it does, for a heading.
        permission: What it needs.
        offered: Returns whether it makes sense for a version in its present state.
        fields: Returns the fields of its form.
        says: Yields what it will do.
        does: Does it.
        needs_stage: Whether the permission is needed in the stage that the form names.
        is_grave: Whether it takes something away, and its button warns.
        is_repeatable: It uses the store, so it is no part of a transaction; done twice it is the
            same.
    """

    word: str
    title: str
    permission: Permission
    offered: Callable[[Subject], bool]
    fields: Callable[[Subject, Values], Sequence[FormField]]
    says: Callable[[Subject, Values], Iterable[str]]
    does: Callable[[Registry, Subject, Values], object]
    needs_stage: bool = False
    is_grave: bool = False
    is_repeatable: bool = False

    def may(self, principal: Principal, subject: Subject, stage: str | None) -> bool:
        """Return whether somebody may do it, as far as grants say; the verb judges in any case."""
        return principal.may(
            self.permission, subject.model.name, stage if self.needs_stage else None
        )


def stages_ahead(subject: Subject) -> tuple[str, ...]:
    """Return the stages that the version can enter from where it is; the archive last."""
    here = subject.version.stage
    names = [rule.name for rule in subject.policy.stages if here in rule.after]
    return tuple(sorted(names, key=lambda name: name == ARCHIVED))


def expected(values: Values) -> int | None:
    """Return the state of the model that the visitor saw.

    Raises:
        InvalidInputError: It is no number.
    """
    given = values.get(GENERATION, "")
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 16):
        raise InvalidInputError(
            "is not a state of the model",
            field=GENERATION,
            value=given,
            remedy="Open the page again",
        )
    return int(given)


def given(values: Values, name: str) -> str | None:
    """Return what was typed into a field; None if nothing was."""
    return values.get(name, "").strip() or None
