"""The real command line against a real registry: its arguments, output and exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pedigree.access.records import Role
from pedigree.cli.main import main
from pedigree.settings import Settings
from tests.server.conftest import serving

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SIGNATURE = {
    "inputs": [{"kind": "column", "name": "age", "type": "double"}],
    "outputs": [{"kind": "column", "name": "score", "type": "double"}],
}


@dataclass(frozen=True)
class Answer:
    """The output of a command, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def items(self) -> list[Any]:
        """The records of a list."""
        document = self.json
        assert document.keys() == {"items", "next"}
        return list(document["items"])

    @property
    def error(self) -> dict[str, Any]:
        return json.loads(self.err)["error"]


Cli = Callable[..., Answer]


@pytest.fixture
def registry_of_this_test(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
    home: Path,
    tmp_path: Path,
) -> Iterator[None]:
    for name in ("GITHUB_RUN_ID", "GITHUB_SHA", "CI_PIPELINE_ID", "CI_COMMIT_SHA", "BUILD_TAG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PEDIGREE_DATABASE_URL", database_url)
    monkeypatch.setenv("PEDIGREE_HOME", str(home))
    monkeypatch.setenv("PEDIGREE_ACTOR", "tester")
    monkeypatch.chdir(tmp_path)
    if getattr(request, "param", None) != "over HTTP":
        yield
        return
    with serving(Settings(home=home, database_url=database_url, actor="tester")) as served:
        monkeypatch.delenv("PEDIGREE_DATABASE_URL")
        monkeypatch.setenv("PEDIGREE_HOME", str(tmp_path / "client"))
        monkeypatch.setenv("PEDIGREE_API_URL", served.url)
        token = served.registry.create_token("tester", roles=[Role.ADMIN])
        monkeypatch.setenv("PEDIGREE_TOKEN", token.secret)
        yield
    assert not (tmp_path / "client" / "postgres").exists(), "a registry of its own was used"


either_way = pytest.mark.parametrize(
    "registry_of_this_test", ["in process", "over HTTP"], indirect=True
)
"""Run a test against a registry in this process, and against a service."""


@pytest.fixture
def cli(
    registry_of_this_test: None,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    """Run a command in this process: `cli("show", "churn/1", "--json").json`."""

    def run(*words: object, **environment: str) -> Answer:
        capfd.readouterr()
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main([str(word) for word in words])
        out, err = capfd.readouterr()
        return Answer(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def process(registry_of_this_test: None) -> Cli:
    """Run a command in a process of its own, as a shell does."""

    def run(*words: object, **environment: str | bytes) -> Answer:
        program = Path(sys.executable).with_name("pedigree")
        done = subprocess.run(
            [program, *(word if isinstance(word, bytes) else str(word) for word in words)],
            capture_output=True,
            text=True,
            errors="backslashreplace",  # a terminal of another encoding
            check=False,
            env={**os.environ, **environment},
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that can be registered."""
    return make_model(tmp_path, "weights")


def make_model(folder: Path, content: str) -> Path:
    """A folder with one file of this content."""
    made = folder / f"model-{content}"
    made.mkdir()
    (made / "model.bin").write_text(content)
    return made


@pytest.fixture
def required(tmp_path: Path) -> list[object]:
    """The options that every registration needs."""
    signature = tmp_path / "signature.json"
    signature.write_text(json.dumps(SIGNATURE))
    return [
        *("--flavor", "generic", "--signature", signature),
        *("--run-id", "run-1", "--git-commit", COMMIT),
    ]


@pytest.fixture
def register(cli: Cli, tmp_path: Path, required: list[object]) -> Callable[..., Answer]:
    """Register some content on a model, with further options: `register("b", "--metric", …)`."""

    def run(content: str = "weights", *options: object, name: str = "churn") -> Answer:
        return cli("register", name, make_model(tmp_path, content), *required, *options, "--json")

    return run
