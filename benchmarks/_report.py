"""Say what was measured, and whether it is what was promised."""

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One figure."""

    what: str
    value: float
    unit: str
    target: float
    at_least: bool  # False: at most

    @property
    def met(self) -> bool:
        """Whether the figure keeps the promise."""
        return self.value >= self.target if self.at_least else self.value <= self.target


def report(figures: list[Measured], words: list[str]) -> int:
    """Print the figures, as JSON if ``--json`` is among the words; return the exit code."""
    cores, system = os.cpu_count(), f"{platform.system()} {platform.machine()}"
    if "--json" in words:
        rows = [{**asdict(one), "met": one.met} for one in figures]
        print(json.dumps({"cores": cores, "system": system, "measured": rows}, indent=2))
    else:
        print(f"{cores} cores, {system}, Python {platform.python_version()}")
        for one in figures:
            word = "at least" if one.at_least else "at most"
            verdict = "met" if one.met else "NOT met"
            print(
                f"{one.what}: {one.value:.4g} {one.unit}"
                f" (target: {word} {one.target:g} {one.unit}, {verdict})"
            )
    sys.stdout.flush()
    return 0 if all(one.met for one in figures) else 1
