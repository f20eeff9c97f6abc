"""The metadata that ``pedigree register`` takes from its options, the CI and the work tree."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, NoReturn, get_args

import typer
from pydantic import ValidationError

from pedigree._values import Texts
from pedigree.catalog.declared_metadata import code_of
from pedigree.catalog.metadata_fields import about_fields
from pedigree.catalog.records import DeclaredMetadata, Metrics, NewVersion, Params, Tags
from pedigree.catalog.signature_inference import completed, inferred_signature
from pedigree.cli._input import json_values, numbers, pairs, read_text
from pedigree.cli._sample import read_sample
from pedigree.errors import InvalidMetadataError, InvalidSampleError, InvalidSignatureError
from pedigree.lineage.run import current_build, current_run
from pedigree.settings import Settings
from pedigree.signatures.records import Signature

# Without their bounds, as pydantic has them.
_METRICS, _PARAMS, _TAGS, _OWNERS = (get_args(each)[0] for each in (Metrics, Params, Tags, Texts))
_LISTED = (_METRICS, _PARAMS, _TAGS, _OWNERS)
"""Types of fields whose option is repeatable, in the order of the help."""


@dataclass(frozen=True, kw_only=True)
class DeclaredOptions:
    """The options of the command, as typed; ``fields`` has the metadata fields by name."""

    flavor: str | None
    signature: Path | None
    sample: Path | None
    run_id: str | None
    git_commit: str | None
    environment: Path | None
    trust: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)


def field_options() -> list[Parameter]:
    """Return a parameter for each metadata field that has an option, in the order of the help.

    Repeatable options come first, then editable fields, then the rest in the record's order.
    """
    found = {name: about for name, about in about_fields(DeclaredMetadata).items() if about.option}
    order = sorted(found, key=lambda name: (_place(name), not found[name].editable))
    return [_option(name, str(found[name].option)) for name in order]


def _type(name: str) -> Any:
    return DeclaredMetadata.model_fields[name].annotation


def _place(name: str) -> int:
    kind = _type(name)
    return _LISTED.index(kind) if kind in _LISTED else len(_LISTED)


def _flag(name: str) -> str:
    words = name.removesuffix("s") if _type(name) in _LISTED else name
    return "--" + words.replace("_", "-")


def _option(name: str, text: str) -> Parameter:
    kind = _type(name)
    metavar = {_METRICS: "KEY=NUMBER", _PARAMS: "KEY=VALUE", _TAGS: "KEY=VALUE"}.get(kind)
    option = typer.Option(_flag(name), metavar=metavar, help=text)
    annotation: object = Annotated[str | None, option]
    if kind in _LISTED:
        annotation = Annotated[list[str] | None, option]
    return Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=annotation)


def _values(typed: Mapping[str, Any]) -> dict[str, object]:
    """Return the given fields, each read by its type."""
    readers = {_METRICS: numbers, _PARAMS: json_values, _TAGS: pairs}
    return {
        name: readers[_type(name)](_flag(name), value) if _type(name) in readers else value
        for name, value in typed.items()
        if value is not None
    }


def new_version(declared: DeclaredOptions, path: Path, settings: Settings) -> NewVersion:
    """Return everything that ``register`` needs except the bytes.

    Args:
        declared: The options of the command.
        path: The artifact. It is loaded if its signature is inferred from a sample; otherwise the
            signature is read from its files.
        settings: The settings of this process.

    Raises:
        InvalidInputError: A required field is missing, or a value is outside its domain.
    """
    if not declared.flavor:
        _missing("--flavor", "flavor", "Give the flavor, such as --flavor sklearn or generic")
    packages = _packages(declared)
    fields: dict[str, object] = {
        **_values(declared.fields),
        "flavor": declared.flavor,
        "run_id": _run_id(declared, settings),
        "ci_build": current_build(),
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
            "Give --run-id, or set PEDIGREE_RUN_ID; a CI job uses the variable of the CI",
        )
    return run_id


def _packages(declared: DeclaredOptions) -> tuple[str, ...]:
    # Not the packages of this process: it may run elsewhere than the training did.
    if declared.environment is None:
        return ()
    lines = (line.strip() for line in read_text("--environment", declared.environment).splitlines())
    packages = tuple(sorted({line for line in lines if line and not line.startswith(("#", "-"))}))
    if not packages:
        raise InvalidMetadataError(
            "names no package",
            field="--environment",
            value=str(declared.environment),
            remedy="Write it with `pip freeze` where the model was trained",
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
        " or an ONNX file contains it",
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
            remedy='Write {"inputs": [{"kind": "column", "name": "age", "type": "long"}],'
            ' "outputs": […]};'
            " see $defs.Signature of `pedigree schema`",
        ) from error
