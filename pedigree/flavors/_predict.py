"""Ask a model for what it gives: the way of most libraries to learn its signature."""

from typing import Any

from pedigree.errors import UnsupportedModelError
from pedigree.signatures.infer import infer
from pedigree.signatures.records import Signature


def predicted_signature(model: object, sample: object, *verbs: str) -> Signature:
    """Return the signature by the first of these methods that the model has.

    Raises:
        UnsupportedModelError: The model has none of them.
        InvalidSignatureError: The sample or the result has no type in a signature.
    """
    for verb in verbs:
        method: Any = getattr(model, verb, None)
        if method is not None:
            return infer(sample, method(sample))
    raise not_callable(model, f"has neither {'() nor '.join(verbs)}()")


def not_callable(model: object, reason: str) -> UnsupportedModelError:
    """Return the error that a model cannot be asked for its outputs."""
    return UnsupportedModelError(
        f"{type(model).__name__} {reason}",
        field="model",
        remedy="Give the signature instead of a sample",
    )
