"""The signature that nobody stated: asked of the model by a sample, or read from its files."""

import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from pedigree.artifacts.paths import scan
from pedigree.catalog.metadata import validated
from pedigree.catalog.records import DeclaredMetadata
from pedigree.errors import InvalidMetadataError
from pedigree.flavors.plugins import get_flavor
from pedigree.flavors.samples import require_rows
from pedigree.signatures.files import stated_signature
from pedigree.signatures.records import Signature

_ANY_SIGNATURE = {
    "inputs": [{"kind": "tensor", "dtype": "float32", "shape": [-1]}],
    "outputs": [{"kind": "tensor", "dtype": "float32", "shape": [-1]}],
}


def inferred_signature(
    flavor: str,
    path: Path,
    *,
    model: object | None = None,
    sample: object | None = None,
    sample_outputs: object | None = None,
    trust: Collection[str] = (),
) -> Signature | None:
    """Return the signature by what the model gives for a sample, or else as its files state it.

    Args:
        flavor: How the model is loaded and asked.
        path: The model's files.
        model: The model, if it is at hand; it is loaded from its files else.
        sample: A few inputs of it; without them nothing but the files is asked.
        sample_outputs: What it gave for them; then it need not be loaded.
        trust: What may run while it is loaded.

    Returns:
        None where there is no sample, and the files state nothing.

    Raises:
        InvalidInputError: The model cannot be read or refuses the sample, or the sample has no type
            in a signature.
        UntrustedModelError: Loading the model would run what ``trust`` does not name.
        MissingDependencyError: The flavor's library is not installed.
    """
    files = scan(path)
    if sample is None:
        return stated_signature(path)
    if sample_outputs is not None:
        # Costs numpy and pandas, which whoever states the signature may not have.
        from pedigree.signatures.infer import infer  # noqa: PLC0415

        return infer(sample, sample_outputs)
    require_rows(sample)
    asked = _load(flavor, path, files[0].path, trust) if model is None else model
    return get_flavor(flavor).infer_signature(asked, sample)


def required_signature(
    flavor: str,
    path: Path,
    *,
    model: object | None = None,
    sample: object | None = None,
    sample_outputs: object | None = None,
    trust: Collection[str] = (),
) -> Signature:
    """Return the signature as :func:`inferred_signature` does, which must find one.

    Raises:
        InvalidMetadataError: There is no sample, and the files state nothing.
    """
    found = inferred_signature(
        flavor, path, model=model, sample=sample, sample_outputs=sample_outputs, trust=trust
    )
    if found:
        return found
    raise InvalidMetadataError(
        "is required, and neither the caller nor the model's files state it",
        field="signature",
        remedy="Give sample=a_few_rows_of_input to infer it from the model, or state the signature",
    )


def _load(flavor: str, path: Path, name: str, trust: Collection[str]) -> object:
    if path.is_dir():
        return get_flavor(flavor).load(path, trust=trust)
    with tempfile.TemporaryDirectory() as folder:  # a flavor loads a folder, as it will be pulled
        shutil.copyfile(path, Path(folder) / name)
        return get_flavor(flavor).load(Path(folder), trust=trust)


def completed(fields: Mapping[str, object], signature: Callable[[], Signature]) -> DeclaredMetadata:
    """Return valid metadata; its signature is asked for last, if none is among the fields.

    Raises:
        InvalidInputError: A field is missing or wrong, or the signature cannot be had.
    """
    if fields.get("signature") is not None:
        return validated(fields)
    # First without it: a typing error should not wait for a model to be loaded.
    validated({**fields, "signature": _ANY_SIGNATURE})
    return validated({**fields, "signature": signature()})
