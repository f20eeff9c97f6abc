"""What `docs/ci.md` and the notebook show is run as a CI's shell, and as Jupyter, would run it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pedigree.access.records import Role
from tests.documents import ROOT
from tests.server.conftest import Served

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SECRET = re.compile(r"\$\{\{ (?:vars|secrets)\.(\w+) \}\}")
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
TRAIN = """
import json
from pathlib import Path

Path("model").mkdir()
Path("model/weights.bin").write_text({content!r})
column = {{"kind": "column", "type": "double"}}
signature = {{"inputs": [{{**column, "name": "age"}}], "outputs": [{{**column, "name": "p"}}]}}
Path("signature.json").write_text(json.dumps(signature))
Path("auc.txt").write_text("0.93\\n")
"""


def jobs() -> dict[str, dict[str, Any]]:
    """The documents of the page, by their headings."""
    text = (ROOT / "docs" / "ci.md").read_text()
    found = re.findall(r"## ([^\n]+)\n.*?```yaml\n(.*?)```", text, flags=re.DOTALL)
    return {heading: yaml.safe_load(block) for heading, block in found}


def steps_of_github(job: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """The lines of each step, and the variables that it has beside the runner's own."""
    for step in job["steps"]:
        if "run" in step:
            given = {**job.get("env", {}), **step.get("env", {})}
            yield step["run"], {key: SECRET.sub(r"$\1", value) for key, value in given.items()}


def filled(variables: dict[str, str], kept: dict[str, str]) -> dict[str, str]:
    """The variables of a step, with what the CI keeps."""
    return {
        name: kept[value[1:]] if value.startswith("$") else value
        for name, value in variables.items()
    }


def with_secret(job: dict[str, Any]) -> dict[str, Any]:
    """The job of GitHub with a token of the service instead of its own."""
    return {**job, "env": jobs()["With a token of the service"]["env"]}


@pytest.fixture
def checkout(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A checkout that can be trained, and what the CI keeps for the job."""
    for variable in [name for name in os.environ if name.startswith(("CI_", "GITHUB_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path / "home of the runner"))
    (tmp_path / "train.py").write_text(TRAIN.format(content=str(tmp_path)))
    token = served.registry.create_token("ci@churn", roles=[Role.CONTRIBUTOR], models=["churn"])
    return {"PEDIGREE_API_URL": served.url, "PEDIGREE_TOKEN": token.secret}


def run(shell: list[str], lines: str, environment: dict[str, str]) -> None:
    if lines.startswith("pip install"):
        return  # it is installed
    done = subprocess.run(
        [*shell, lines],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{lines}\n{done.stdout}{done.stderr}"


def test_the_step_for_github_registers_the_model(served: Served, checkout: dict[str, str]) -> None:
    job = with_secret(jobs()["GitHub Actions"]["jobs"]["register"])
    runner = {
        "GITHUB_RUN_ID": "77",
        "GITHUB_SHA": COMMIT,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme/churn",
    }
    for lines, variables in steps_of_github(job):
        run(BASH, lines, {**runner, **filled(variables, checkout)})
    version = served.registry.get("churn@latest")
    assert (version.run_id, version.git_commit, version.git_dirty) == ("77", COMMIT, False)
    assert version.ci_build == "https://github.com/acme/churn/actions/runs/77"
    assert (version.stage, version.created_by) == ("candidate", "ci@churn")
    assert version.metrics == {"auc": 0.93}
    assert any(
        each.startswith("pydantic==") for each in served.registry.environment("churn@latest")
    )


def test_the_job_for_gitlab_registers_the_model(served: Served, checkout: dict[str, str]) -> None:
    runner = {"CI_PIPELINE_ID": "78", "CI_COMMIT_SHA": COMMIT, "CI_PIPELINE_URL": "https://g/78"}
    for lines in jobs()["GitLab"]["register"]["script"]:
        run(["sh", "-ec"], lines, {**runner, **checkout})
    version = served.registry.get("churn@latest")
    assert (version.run_id, version.ci_build) == ("78", "https://g/78")
    assert version.stage == "candidate"


@pytest.mark.system
def test_the_notebook_takes_a_model_from_its_data_to_production(
    served: Served, checkout: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in checkout.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(
        "PEDIGREE_TOKEN", served.registry.create_token("ann", roles=[Role.ADMIN]).secret
    )
    monkeypatch.setenv("PEDIGREE_GIT_COMMIT", COMMIT)
    notebook = json.loads((ROOT / "examples" / "train_register_promote.ipynb").read_text())
    found: dict[str, Any] = {}
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), found)
    version = served.registry.get("tumour@production")
    assert version.metrics["accuracy"] > 0.9
    assert len(found["champion"].predict(found["test"][found["features"]].head())) == 5
