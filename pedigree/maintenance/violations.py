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

    def checked(self, name: str, says: str) -> Checked:
        """Return the result of the invariant."""
        return Checked(
            name=name,
            says=says,
            looked_at=self.looked_at,
            violations=self.violations,
            examples=tuple(self.examples),
        )
