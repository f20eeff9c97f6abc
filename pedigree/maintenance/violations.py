"""Count what was looked at and what was wrong, and keep the first of it."""

from dataclasses import dataclass, field

from pedigree.maintenance.fsck_records import Checked, Violation

_EXAMPLES = 100


@dataclass
class Tally:
    """How one invariant stands so far."""

    looked_at: int = 0
    violations: int = 0
    examples: list[Violation] = field(default_factory=list)

    def found(self, reference: str, problem: str) -> None:
        """Note a violation."""
        self.violations += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(Violation(reference=reference, problem=problem))

    def checked(self, name: str, says: str) -> Checked:
        """Return the invariant as it stands."""
        return Checked(
            name=name,
            says=says,
            looked_at=self.looked_at,
            violations=self.violations,
            examples=tuple(self.examples),
        )
