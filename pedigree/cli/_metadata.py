"""What ``pedigree register`` states about a version: from its options, the CI and the work tree."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError

from pedigree.catalog.declared_metadata import code_of
from pedigree.catalog.records import NewVersion
from pedigree.catalog.signature_inference import completed, inferred_signature
from pedigree.cli._input import json_values, numbers, pairs, read_text
from pedigree.cli._sample import read_sample
from pedigree.errors import InvalidMetadataError, InvalidSampleError, InvalidSignatureError
from pedigree.lineage.run import current_build, current_run
from pedigree.settings import Settings
from pedigree.signatures.records import Signature


@dataclass(frozen=True, kw_only=True)
class DeclaredOptions:
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


def new_version(declared: DeclaredOptions, path: Path, settings: Settings) -> NewVersion:
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
        "ci_build": current_build(),
        "metrics": numbers("--metric", declared.metrics),
        "params": json_values("--param", declared.params),
        "tags": pairs("--tag", declared.tags),
        **code_of(declared.git_commit, settings).model_dump(),
    }
    metadata = completed(fields, lambda: _signature(declared, path))
    return NewVersion(metadata=metadata, environment=packages)


def _missing(option: str, what: str, remedy: str) -> NoReturn:
    raise InvalidMetadataError(f"the {what} is required", field=option, remedy=remedy)


def _run_id(declared: DeclaredOptions, settings: Settings) -> str:
    run_id = declared.run_id or current_run(settings)
    if run_id is None:
        _missing(
            "--run-id",
            "run that made the version",
            "Give --run-id, or set PEDIGREE_RUN_ID; in a CI its own variable is used",
        )
    return run_id


def _packages(declared: DeclaredOptions) -> tuple[str, ...]:
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


def _signature(declared: DeclaredOptions, path: Path) -> Signature:
    if declared.signature and declared.sample:
        raise InvalidMetadataError(
            "excludes --sample", field="--signature", remedy="Give one of the two"
        )
    if declared.signature:
        return _read_signature(declared.signature)
    sample = read_sample(declared.sample) if declared.sample else None
    flavor = str(declared.flavor)
    try:
        found = inferred_signature(flavor, path, sample=sample, trust=declared.trust)
    except InvalidSampleError as error:
        raise InvalidSampleError(
            error.message, field="--sample", value=str(declared.sample), remedy=error.remedy
        ) from error
    if found:
        return found
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
