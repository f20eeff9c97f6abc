"""What `fsck` found."""

from pydantic import Field

from pedigree._record import Record


class Violation(Record):
    """One place where an invariant does not hold."""

    reference: str = Field(description="A version, a model, a digest, a key or an event")
    problem: str


class Checked(Record):
    """One invariant, and how it stands."""

    name: str
    says: str
    looked_at: int
    violations: int
    examples: tuple[Violation, ...] = Field(description="The first violations")


class Report(Record):
    """Every invariant, and how it stands."""

    checks: tuple[Checked, ...]

    @property
    def ok(self) -> bool:
        """No invariant is violated."""
        return not any(check.violations for check in self.checks)

    @property
    def violated(self) -> tuple[str, ...]:
        """The names of the invariants that are violated."""
        return tuple(check.name for check in self.checks if check.violations)
