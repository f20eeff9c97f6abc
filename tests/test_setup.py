"""`.ci/venv` and `.ci/torch`, by which make sets up an environment.

The one finds a Python or says what is missing, the other refuses a build of several GB.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = ("sh", "awk", "grep", "rm", "echo", "env")

Setup = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A folder that is all of the PATH: the tools that every system has, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(str(shutil.which(tool)))
    return folder


@pytest.fixture
def setup(commands: Path, tmp_path: Path) -> Setup:
    """Set up an environment for a lock that asks for nothing."""
    lock = tmp_path / "nothing.lock"
    lock.write_text("# no packages\n")

    def run(*uv: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHON"}
        return subprocess.run(
            ["sh", str(ROOT / ".ci" / "venv"), "made", str(lock), *uv],
            cwd=tmp_path,
            env={**environment, "PATH": str(commands), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def command(folder: Path, name: str, script: str) -> None:
    """Put a command into a folder of the PATH."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.system
def test_it_takes_the_first_python_that_runs_and_fits(
    setup: Setup, commands: Path, tmp_path: Path
) -> None:
    command(commands, "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    command(commands, "python3.12", "exit 1")  # as one of another version answers
    command(commands, "python3", f'exec {sys.executable} "$@"')
    done = setup()
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made" / "bin" / "python").exists()
    assert "Setting up made with Python 3." in done.stdout
    again = setup(PATH=f"{commands}")
    assert again.returncode == 0
    assert "Setting up" not in again.stdout


@pytest.mark.system
def test_pip_is_asked_for_what_uv_cannot_install(
    setup: Setup, commands: Path, tmp_path: Path
) -> None:
    command(commands, "python3", f'exec {sys.executable} "$@"')
    command(commands, "uv", f'echo "$*" > {tmp_path / "asked"}; exit "${{FAILS:-0}}"')
    (tmp_path / "nothing.lock").write_text(f"no-such-package==1 --hash=sha256:{'0' * 64}\n")
    by_uv = setup(str(commands / "uv"))
    assert by_uv.returncode == 0, by_uv.stderr
    assert "--require-hashes --requirement" in (tmp_path / "asked").read_text()
    by_pip = setup(str(commands / "uv"), FAILS="2", PIP_NO_INDEX="1")
    assert by_pip.returncode != 0
    assert "No matching distribution found for no-such-package==1" in by_pip.stdout


def test_without_python_it_says_how_to_get_one(setup: Setup, tmp_path: Path) -> None:
    done = setup()
    assert done.returncode != 0
    assert "No Python 3.11 to 3.14 was found" in done.stderr
    assert "make PYTHON=" in done.stderr
    assert not (tmp_path / "made").exists()


def test_without_the_venv_module_it_names_the_package(setup: Setup, commands: Path) -> None:
    command(
        commands,
        "python3",
        f'case "$*" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"',
    )
    done = setup()
    assert done.returncode != 0
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"apt install python{version}-venv" in done.stderr


def test_a_named_python_that_does_not_fit_is_named(setup: Setup) -> None:
    done = setup(PYTHON="/nowhere/python")
    assert done.returncode != 0
    assert "PYTHON=/nowhere/python does not run" in done.stderr


def offer(folder: Path, build: str) -> Path:
    """An environment whose pip would take one build of torch, and notes what it installs."""
    (folder / "bin").mkdir(parents=True)
    report = json.dumps({"install": [{"download_info": {"url": f"file:///{build}"}}]})
    command(
        folder / "bin",
        "python",
        f"""case "$*" in
  *--dry-run*) while [ "$1" != --report ]; do shift; done; echo '{report}' > "$2";;
  *install*) echo "$*" >> {folder / "installed"};;
  *) exec {sys.executable} "$@";;
esac""",
    )
    return folder


def install_torch(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(ROOT / ".ci" / "torch"), str(folder), "torch.txt"],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(sys.platform == "darwin", reason="for macOS every build is one for the CPU")
def test_a_build_of_torch_for_cuda_is_named_and_not_installed(tmp_path: Path) -> None:
    build = "torch-2.9.1-cp311-cp311-manylinux_2_28_x86_64.whl"
    folder = offer(tmp_path / "made", build)
    done = install_torch(folder)
    assert done.returncode != 0
    assert f"pip would take {build}, which is no build for the CPU" in done.stderr
    assert "Name a source of CPU builds" in done.stderr
    assert not (folder / "installed").exists()


def test_a_build_of_torch_for_the_cpu_is_installed(tmp_path: Path) -> None:
    folder = offer(tmp_path / "made", "torch-2.9.1%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl")
    done = install_torch(folder)
    assert done.returncode == 0, done.stderr
    assert "--requirement torch.txt" in (folder / "installed").read_text()
