"""What ``pedigree register`` states about a version: from its options, the CI and the work tree."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError

from pedigree.catalog.metadata import validated
from pedigree.catalog.records import NewVersion
from pedigree.cli._input import json_values, numbers, pairs, read_text
from pedigree.cli._sample import sampled_signature
from pedigree.errors import InvalidMetadataError, InvalidSignatureError
from pedigree.lineage.code import CodeState, current_code
from pedigree.settings import Settings
from pedigree.signatures.files import stated_signature
from pedigree.signatures.records import Signature

# What build systems call the run, and its page: https://docs.github.com/actions/reference/variables,
# https://docs.gitlab.com/ci/variables/predefined_variables, and the like of the others.
_CI_RUNS = {
    "GitHub Actions": ("GITHUB_RUN_ID", None),
    "GitLab": ("CI_PIPELINE_ID", "CI_PIPELINE_URL"),
    "Buildkite": ("BUILDKITE_BUILD_ID", "BUILDKITE_BUILD_URL"),
    "CircleCI": ("CIRCLE_WORKFLOW_ID", "CIRCLE_BUILD_URL"),
    "Azure Pipelines": ("BUILD_BUILDID", None),
    "Jenkins": ("BUILD_TAG", "BUILD_URL"),
    "AWS CodeBuild": ("CODEBUILD_BUILD_ID", None),
}


@dataclass(frozen=True, kw_only=True)
class Declared:
    """The options of the command, as typed; ``others`` are fields of the metadata by name."""

    flavor: str | None
    signature: Path | None
    sample: Path | None
    run_id: str | None
    git_commit: str | None
    environment: Path | None
    trust: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    others: dict[str, object] = field(default_factory=dict)


def new_version(declared: Declared, path: Path, settings: Settings) -> NewVersion:
    """Return all that ``register`` needs beside the bytes.

    Args:
        declared: What was typed.
        path: The artifact; loaded where its signature is inferred from a sample, else asked for
            the signature that its files state.
        settings: This process's settings.

    Raises:
        InvalidInputError: A required field is missing, or a value lies outside its domain.
    """
    if not declared.flavor:
        _missing("--flavor", "flavor", "Say how to load it, such as --flavor sklearn or generic")
    packages = _packages(declared)
    fields: dict[str, object] = {
        **declared.others,
        "flavor": declared.flavor,
        "run_id": _run_id(declared, settings),
        "ci_build": _ci_build(),
        "metrics": numbers("--metric", declared.metrics),
        "params": json_values("--param", declared.params),
        "tags": pairs("--tag", declared.tags),
        **_code(declared, settings).model_dump(),
    }
    # First without the signature: a typing error should not wait for a model to be loaded.
    validated({**fields, "signature": _ANY_SIGNATURE})
    metadata = validated({**fields, "signature": _signature(declared, path)})
    return NewVersion(metadata=metadata, environment=packages)


_ANY_SIGNATURE = {
    "inputs": [{"kind": "tensor", "dtype": "float32", "shape": [-1]}],
    "outputs": [{"kind": "tensor", "dtype": "float32", "shape": [-1]}],
}


def _missing(option: str, what: str, remedy: str) -> NoReturn:
    raise InvalidMetadataError(f"the {what} is required", field=option, remedy=remedy)


def _run_id(declared: Declared, settings: Settings) -> str:
    candidates = [declared.run_id, settings.run_id]
    candidates += [os.environ.get(variable) for variable, _ in _CI_RUNS.values()]
    run_id = next(filter(None, candidates), None)
    if run_id is None:
        _missing(
            "--run-id",
            "run that made the version",
            "Give --run-id, or set PEDIGREE_RUN_ID; in a CI its own variable is used",
        )
    return run_id


def _ci_build() -> str | None:
    for name, (run_variable, page_variable) in _CI_RUNS.items():
        run = os.environ.get(run_variable)
        if run:
            page = os.environ.get(page_variable) if page_variable else _github_page()
            return page or f"{name} {run}"
    return None


def _github_page() -> str | None:
    server, repository, run = (
        os.environ.get(f"GITHUB_{part}") for part in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None


def _packages(declared: Declared) -> tuple[str, ...]:
    # Not this process's packages: whoever registers need not be where the model was trained.
    if declared.environment is None:
        return ()
    lines = (line.strip() for line in read_text("--environment", declared.environment).splitlines())
    packages = tuple(sorted({line for line in lines if line and not line.startswith(("#", "-"))}))
    if not packages:
        raise InvalidMetadataError(
            "names no package",
            field="--environment",
            value=str(declared.environment),
            remedy="Write it by `pip freeze` where the model was trained",
        )
    return packages


def _code(declared: Declared, settings: Settings) -> CodeState:
    if declared.git_commit:
        return CodeState(
            git_commit=declared.git_commit, git_dirty=settings.git_dirty, git_source="caller"
        )
    return current_code(settings, Path.cwd())


def _signature(declared: Declared, path: Path) -> Signature:
    if declared.signature and declared.sample:
        raise InvalidMetadataError(
            "excludes --sample", field="--signature", remedy="Give one of the two"
        )
    if declared.signature:
        return _read_signature(declared.signature)
    if declared.sample and declared.flavor:
        return sampled_signature(declared.flavor, path, declared.sample, declared.trust)
    if stated := stated_signature(path):
        return stated
    _missing(
        "--signature",
        "signature",
        "Give --signature FILE.json, or --sample FILE.csv to infer it from the model; an MLmodel"
        " or an ONNX file states it itself",
    )


def _read_signature(file: Path) -> Signature:
    text = read_text("--signature", file)
    try:
        return Signature.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidSignatureError(
            f"{place + ': ' if place else ''}{first['msg']}",
            field="--signature",
            value=str(file),
            remedy='Write {"inputs": [{"name": "age", "type": "long"}], "outputs": […]};'
            " see $defs.Signature of `pedigree schema`",
        ) from error
