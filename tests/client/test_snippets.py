"""The snippets of a version work unchanged."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from pedigree.access.records import Role
from pedigree.catalog.snippets import Snippets
from pedigree.errors import InvalidInputError
from pedigree.registry import Registry
from tests.artifacts.probes import contents
from tests.factories import artifact, new_version
from tests.server.conftest import Served

BIN = Path(sys.executable).parent


@pytest.fixture
def version(connect: Callable[..., Registry], tmp_path: Path, name: str) -> Snippets:
    """A version whose names need quoting in a shell, registered over HTTP."""
    name = f"it's {name} $HOME"
    folder = artifact(tmp_path / "model")
    (folder / "sub folder").mkdir()
    (folder / "sub folder" / "it's & `x`.bin").write_bytes(b"more")
    (folder / "empty").touch()
    registry = connect()
    registry.register(name, folder, new_version())
    return registry.snippets(f"{name}@latest")


@pytest.fixture
def shell(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], "subprocess.CompletedProcess[str]"]:
    """Run lines as a shell does, in an empty folder, with a reader's token."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PEDIGREE_API_URL", served.url)
    token = served.registry.create_token("reader", roles=[Role.READER]).secret
    monkeypatch.setenv("PEDIGREE_TOKEN", token)
    monkeypatch.setenv("PEDIGREE_HOME", str(tmp_path / "reader"))
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")

    def run(lines: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", "-ec", lines], capture_output=True, text=True, check=False, timeout=120
        )

    return run


FILES = {"model.bin": b"weights", "sub folder/it's & `x`.bin": b"more", "empty": b""}


@pytest.mark.parametrize("language", ["cli", "curl"])
def test_the_shell_s_lines_download_the_version(
    version: Snippets,
    shell: Callable[[str], "subprocess.CompletedProcess[str]"],
    language: Any,
) -> None:
    done = shell(version.text("load", language))
    assert done.returncode == 0, done.stderr
    (folder,) = Path.cwd().iterdir()
    assert folder.name == version.reference.replace("/", "-")
    assert contents(folder) == FILES


def test_the_lines_of_curl_end_with_an_error_where_bytes_are_wrong(
    version: Snippets, shell: Callable[[str], "subprocess.CompletedProcess[str]"]
) -> None:
    digest = version.text("load", "curl").rpartition("printf")[2].split("'")[3][:64]
    lines = version.text("load", "curl").replace(digest, "0" * 64)
    assert shell(lines).returncode != 0


def test_the_lines_of_python_load_the_version(version: Snippets, shell: object) -> None:
    found: dict[str, Any] = {}
    exec(version.text("load", "python"), found)
    assert contents(found["model"]) == FILES


def test_the_dagster_snippet_loads_the_version(
    served: Served, settings: Any, version: Snippets, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dagster as dg

    monkeypatch.setenv("PEDIGREE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("PEDIGREE_HOME", str(settings.home))
    found: dict[str, Any] = {}
    exec(version.text("load", "dagster"), found)
    job = found["defs"].resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
    (use,) = served.registry.downstream(version.reference).usages
    assert use.asset == "scores"


def test_a_model_that_takes_a_table_is_served_by_its_lines(
    served: Served, connect: Callable[..., Registry], name: str, shell: Callable[..., Any]
) -> None:
    import pandas as pd
    import uvicorn
    from sklearn.linear_model import LinearRegression

    from tests.server.conftest import running

    frame = pd.DataFrame({"age": [1.0, 2.0], "visits": [3, 5]})
    model = LinearRegression().fit(frame, [2.0, 4.0])
    fields = new_version().metadata
    connect().register_model(
        name,
        model,
        flavor="sklearn",
        sample=frame,
        run_id="run-1",
        git_commit=fields.git_commit,
        verify=False,
    )
    lines = served.registry.snippets(f"{name}/1")
    found: dict[str, Any] = {}
    exec(lines.text("serve", "python"), found)
    assert isinstance(found["app"], FastAPI)
    assert lines.text("serve", "cli").startswith("uvicorn serve:app")
    compile(lines.text("serve", "dagster"), "serve.py", "exec")
    with running(uvicorn.Config(found["app"], port=0, log_level="warning")) as url:
        done = shell(f"export MODEL_URL={url}\n{lines.text('serve', 'curl')}")
    assert done.returncode == 0, done.stderr
    row = json.loads(lines.text("serve", "curl").partition("--data '")[2].partition("'")[0])
    assert json.loads(done.stdout) == pytest.approx(list(model.predict(pd.DataFrame(row))))


def test_the_command_prints_them(version: Snippets, shell: Callable[..., Any]) -> None:
    reference = f'"{version.reference.replace("$", chr(92) + "$")}"'
    done = shell(f"pedigree snippets {reference} --json")
    assert Snippets.model_validate_json(done.stdout) == version
    wrong = shell(f"pedigree snippets {reference} --language curl --for serve --json")
    assert wrong.returncode == InvalidInputError.exit_code
    assert "load curl" in wrong.stderr
