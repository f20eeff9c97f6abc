"""The results of `fsck`."""

from collections.abc import Callable
from typing import TypeAlias

from pydantic import Field

from pedigree._record import Record

FsckProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with an invariant, how much of it is checked, and how much there is if that is known."""


class Violation(Record):
    """One place where an invariant does not hold."""

    reference: str = Field(description="A version, a model, a digest, a key or an event")
    problem: str


class Checked(Record):
    """The result of one invariant."""

    name: str
    says: str
    looked_at: int
    violations: int
    examples: tuple[Violation, ...] = Field(description="The first violations")


class Report(Record):
    """The results of all invariants."""

    checks: tuple[Checked, ...]

    @property
    def ok(self) -> bool:
        """No invariant is violated."""
        return not any(check.violations for check in self.checks)

    @property
    def violated(self) -> tuple[str, ...]:
        """The names of the violated invariants."""
        return tuple(check.name for check in self.checks if check.violations)
