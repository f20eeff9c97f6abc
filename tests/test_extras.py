"""A missing optional library is reported with the extra that installs it, which exists."""

import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from pedigree.dagster.checks.expectations import validate
from pedigree.errors import MissingDependencyError
from pedigree.evaluation.measure import evaluate
from pedigree.monitoring.profile import profile

ROOT = Path(__file__).parents[1]
FRAME = pd.DataFrame({"sex": ["f", "m"]})
NAMED = re.compile(
    r"""(?:library\("[\w.]+", extra=|EXTRA = |requirement\(|pip_install\()["'](\w+)["']"""
    r"|pedigree-registry\[(\w+)\]"
)


@pytest.mark.parametrize(
    ("library", "extra", "use"),
    [
        ("fairlearn", "fairness", lambda: evaluate([1, 0], [1, 0], FRAME)),
        ("great_expectations", "expectations", lambda: validate(FRAME, {"name": "people"})),
        ("ibis", "monitoring", lambda: profile(FRAME)),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    library: str, extra: str, use: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependencyError, match=f"{library} is not installed") as missing:
        use()
    assert f"pip install 'pedigree-registry[{extra}]'" in str(missing.value)


def test_every_extra_that_an_error_names_is_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    sources = (path.read_text() for path in (ROOT / "pedigree").rglob("*.py"))
    named = {first or second for text in sources for first, second in NAMED.findall(text)}
    assert {"embedded", "fairness", "expectations", "monitoring", "scan", "lineage"} <= named
    assert named - {"none"} <= set(project["optional-dependencies"])
