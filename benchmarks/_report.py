"""Report measured figures and whether they meet their targets."""

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One figure; without a target it serves for comparison."""

    what: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = True  # False: at most

    @property
    def met(self) -> bool:
        """Whether the figure meets its target."""
        if self.target is None:
            return True
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
            print(f"{one.what}: {one.value:.4g} {one.unit}{_verdict(one)}")
    sys.stdout.flush()
    return 0 if all(one.met for one in figures) else 1


def _verdict(figure: Measured) -> str:
    if figure.target is None:
        return ""
    word = "at least" if figure.at_least else "at most"
    verdict = "met" if figure.met else "NOT met"
    return f" (target: {word} {figure.target:g} {figure.unit}, {verdict})"
