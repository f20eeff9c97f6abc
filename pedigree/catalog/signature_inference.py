"""The inference of a signature that is not stated: from a sample, or from the model's files."""

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
    """Return the signature of the model's outputs for a sample, or else that of its files.

    Args:
        flavor: How the model is loaded and predicts.
        path: The model's files.
        model: The model, if it is in memory; otherwise it is loaded from its files.
        sample: A few inputs; without them, only the files are read.
        sample_outputs: The model's outputs for them; then it need not be loaded.
        trust: The code that may run during loading.

    Returns:
        None if there is no sample, and the files have no signature.

    Raises:
        InvalidInputError: The model cannot be read or refuses the sample, or a type of the sample
            is not supported in a signature.
        UntrustedModelError: Loading the model would run code that ``trust`` does not name.
        MissingDependencyError: The flavor's library is not installed.
    """
    files = scan(path)
    if sample is None:
        return stated_signature(path)
    if sample_outputs is not None:
        # Needs numpy and pandas, which a caller that states the signature may not have.
        from pedigree.signatures.infer import infer_signature  # noqa: PLC0415

        return infer_signature(sample, sample_outputs)
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
        InvalidMetadataError: There is no sample, and the files have no signature.
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
    """Return valid metadata; a missing signature is inferred last.

    Raises:
        InvalidInputError: A field is missing or wrong, or the signature cannot be inferred.
    """
    if fields.get("signature") is not None:
        return validated(fields)
    # First without it, so that a typing error does not wait until a model is loaded.
    validated({**fields, "signature": _ANY_SIGNATURE})
    return validated({**fields, "signature": signature()})
