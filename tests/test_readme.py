"""The README's example runs unchanged, and its statements on the project are true."""

import re
from pathlib import Path

import dagster as dg
import pytest

from pedigree.registry import Registry
from tests.documents import python_of

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_example_trains_registers_and_checks_a_model(
    database_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = python_of("README.md")
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    monkeypatch.setenv("PEDIGREE_DATABASE_URL", database_url)
    monkeypatch.setenv("PEDIGREE_HOME", str(home))
    monkeypatch.setenv("PEDIGREE_GIT_COMMIT", "0123456789abcdef0123456789abcdef01234567")
    file = tmp_path / "tumour.py"
    file.write_text(code)
    found: dict[str, object] = {"__name__": "tumour"}
    exec(compile(code, file, "exec"), found)
    defs = found["defs"]
    assert isinstance(defs, dg.Definitions)
    with dg.DagsterInstance.ephemeral() as instance:
        job = defs.resolve_implicit_global_asset_job_def()
        keys = [dg.AssetKey("patients"), dg.AssetKey(["models", "tumour"])]
        done = job.execute_in_process(instance=instance, asset_selection=keys)
        assert done.success
        for check in done.get_asset_check_evaluations():
            assert check.passed or check.severity is dg.AssetCheckSeverity.WARN, check
    with Registry.connect() as registry:
        version = registry.get("tumour/1")
        assert version.stage == "candidate"
        assert version.metrics["accuracy"] > 0.9
        assert [node.asset for node, _ in registry.lineage("tumour/1").inputs()] == ["patients"]


def test_the_links_lead_somewhere() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "docs/architecture.md"):
        text = (ROOT / name).read_text()
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
            assert (ROOT / name).parent.joinpath(target).is_file(), (name, target)


def test_the_commands_named_are_there() -> None:
    from typer.main import get_command

    from pedigree.cli.main import app

    known = set(get_command(app).commands)  # type: ignore[attr-defined]  # it is a group
    for name in ("README.md", "CHANGELOG.md", "docs/architecture.md"):
        words = re.findall(r"`pedigree ([a-z][a-z-]+)", (ROOT / name).read_text())
        assert set(words) <= known, name
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    assert set(re.findall(r"`make ([a-z-]+)", README)) <= targets
