"""The TypeScript client: generated from the live document, compiled strictly, and run by node."""

import json
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest

from pedigree.access.records import Role
from tests.server.conftest import Served

CLIENT = Path(__file__).parents[2] / "clients" / "typescript"
INSTALLED = CLIENT / "node_modules" / ".installed"
TRIAL = Path(__file__).with_name("typescript") / "trial.ts"


@pytest.fixture
def project(served: Served, tmp_path: Path) -> Path:
    """The client with what generates it, and the document of the service."""
    if not INSTALLED.exists() or shutil.which("npm") is None:
        pytest.skip("its packages are not installed: `make typescript` does so, if there is npm")
    project = tmp_path / "client"
    project.mkdir()
    for name in ("package.json", "tsconfig.json"):
        shutil.copy(CLIENT / name, project)
    (project / "src").mkdir()
    for source in ("index.ts", "register.ts"):
        shutil.copy(CLIENT / "src" / source, project / "src")
    shutil.copy(TRIAL, project / "src")
    (project / "node_modules").symlink_to(CLIENT / "node_modules")
    (project / "openapi.json").write_bytes(httpx2.get(f"{served.url}/openapi.json").content)
    return project


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_generated_client_registers_lists_and_gets_problem_details(
    served: Served, project: Path, name: str
) -> None:
    run(project, "npm", "run", "--silent", "generate")
    run(project, "npm", "run", "--silent", "build")
    token = served.registry.create_token("node", roles=[Role.CONTRIBUTOR, Role.DEPLOYER]).secret
    printed = run(project, "node", "dist/trial.js", served.url, token, name)
    assert json.loads(printed) == {
        "created": True,
        "metrics": [{"auc": 0.91}],
        "champion": True,
        "error": {"kind": "TransitionNotAllowedError", "status": 409, "field": "stage"},
    }
    assert served.registry.get(f"{name}@champion").created_by == "node"
    assert served.registry.manifest(f"{name}/1").size == len("weights")


def test_the_lock_names_no_registry() -> None:
    assert "resolved" not in (CLIENT / "package-lock.json").read_text()
