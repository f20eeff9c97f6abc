"""The code of docs/guide.md runs unchanged."""

import re
from pathlib import Path

import dagster as dg
import pytest

from pedigree.cli.main import main
from pedigree.dagster.assets.names import slug
from pedigree.registry import Registry
from tests.documents import commands_of, python_of

ROOT = Path(__file__).parents[1]
MODEL = dg.AssetKey(["models", "tumour"])
COMMANDS = [words for words in commands_of("docs/guide.md") if words[0] != "up"]


def load(code: str, file: Path) -> dg.Definitions:
    file.write_text(code)
    found: dict[str, object] = {"__name__": file.stem}
    exec(compile(code, file, "exec"), found)
    defs = found["defs"]
    assert isinstance(defs, dg.Definitions)
    return defs


@pytest.mark.system
def test_the_guide_leads_from_a_plain_asset_to_a_model_that_no_worse_one_replaces(
    database_url: str,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PEDIGREE_DATABASE_URL", database_url)
    monkeypatch.setenv("PEDIGREE_HOME", str(home))
    monkeypatch.setenv("PEDIGREE_GIT_COMMIT", "0123456789abcdef")
    before, after = python_of("docs/guide.md")
    with dg.DagsterInstance.ephemeral() as instance:
        plain = load(before, tmp_path / "before.py").resolve_implicit_global_asset_job_def()
        assert plain.execute_in_process(instance=instance).success
        job = load(after, tmp_path / "after.py").resolve_implicit_global_asset_job_def()

        def train(*assets: dg.AssetKey, **config: object) -> bool:
            done = job.execute_in_process(
                instance=instance,
                asset_selection=[*assets, MODEL],
                run_config={"ops": {slug("tumour"): {"config": config}}},
                raise_on_error=False,
            )
            return done.success

        with Registry.connect() as registry:
            assert train(dg.AssetKey("patients"))
            for stage in ("staging", "production"):
                registry.promote("tumour/1", stage)
            assert not train(rows=40)
            failed = [
                each.check
                for each in registry.verdicts("tumour/2")
                if each.severity == "error" and not each.passed
            ]
            assert failed == ["no_regression"]
            assert train(scaled=True)
            assert registry.get("tumour/3").stage == "candidate"
            for stage in ("staging", "production"):
                registry.promote("tumour/3", stage)
            said = [follow(command, capsys) for command in COMMANDS]
            assert "no_regression" in said[2]
            assert "tumour/1 holds production in place of version 3" in said[3]
            assert registry.get("tumour@production").version_id == 1


def follow(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command of the guide, and return its output."""
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert not ended.value.code, command
    return capsys.readouterr().out


def test_the_guide_s_commands_pictures_and_links_are_there() -> None:
    from typer.main import get_command

    from pedigree.cli.main import app

    for name in ("guide.md", "dagster.md"):
        text = (ROOT / "docs" / name).read_text()
        words = set(re.findall(r"(?m)^pedigree ([a-z][a-z-]+)", text))
        assert words <= set(get_command(app).commands)  # type: ignore[attr-defined]  # it is a group
        for target in re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", text):
            assert (ROOT / "docs" / target).is_file(), (name, target)
