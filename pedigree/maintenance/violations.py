"""Counts of checks and violations, and the first violations."""

from dataclasses import dataclass, field

from pedigree.maintenance.fsck_records import Checked, Violation

_EXAMPLES = 100


@dataclass
class Tally:
    """The result of one invariant so far."""

    looked_at: int = 0
    violations: int = 0
    examples: list[Violation] = field(default_factory=list)

    def found(self, reference: str, problem: str) -> None:
        """Record a violation."""
        self.violations += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(Violation(reference=reference, problem=problem))

    def add(self, other: "Tally") -> None:
        """Add the result of another part of the invariant."""
        self.looked_at += other.looked_at
        self.violations += other.violations
        self.examples += other.examples[: _EXAMPLES - len(self.examples)]

    def checked(self, name: str, says: str) -> Checked:
        """Return the result of the invariant."""
        return Checked(
            name=name,
            says=says,
            looked_at=self.looked_at,
            violations=self.violations,
            examples=tuple(self.examples),
        )
