"""Calls of a model that leave the caller's sample unchanged.

All flavors call models here. The signature's inputs are read before the call, and the model gets a
copy of the sample: a transformer may add or drop columns of its input.
"""

import copy
import pickle
from collections.abc import Callable
from typing import Any

from pedigree.errors import InvalidSampleError, PedigreeError, UnsupportedModelError
from pedigree.flavors.samples import refused_sample, require_rows
from pedigree.signatures.infer import infer_ports
from pedigree.signatures.records import Signature

# The signature of an estimator describes the first of these methods that it has.
METHODS = ("predict", "transform", "predict_proba", "decision_function")


def fresh(sample: object) -> object:
    """Return a deep copy of a sample.

    Raises:
        InvalidSampleError: The sample cannot be copied.
    """
    try:
        # Also copies the objects in a frame's cells, which the frame's own copy shares.
        copied: object = pickle.loads(pickle.dumps(sample))  # noqa: S301 - pickled in this line
    except Exception:  # a value's own reduction can raise anything
        try:
            copied = copy.deepcopy(sample)
        except Exception as error:  # the same
            raise InvalidSampleError(
                f"the sample cannot be copied: {type(error).__name__}: {error}",
                field="sample",
                value=type(sample).__name__,
                remedy="Give a frame, an array, or a mapping of arrays",
            ) from error
    return copied


def ask(model: object, sample: object, predict: Callable[[Any], Any]) -> Any:
    """Return the output of a model for a copy of a sample.

    Args:
        model: The model, from which the error message takes the expected columns and dtype.
        sample: A few rows of input.
        predict: The method to call.

    Raises:
        InvalidSampleError: The sample has no rows, or the model rejects it; the message names the
            column or the dtype.
    """
    require_rows(sample)
    copied = fresh(sample)
    try:
        return predict(copied)
    except PedigreeError:
        raise
    except Exception as error:  # the model or its library can raise anything
        raise refused_sample(model, sample, error) from error


def call_signature(
    model: object,
    sample: object,
    predict: Callable[[Any], Any],
    *,
    convert: Callable[[Any], object] = lambda value: value,
) -> Signature:
    """Return the signature of a call: the inputs as before the call, and the outputs.

    Args:
        model: The model.
        sample: A few rows of input.
        predict: The method to call.
        convert: Converts a library's own types to types that a signature supports.

    Raises:
        InvalidSampleError: The model rejects the sample.
        InvalidSignatureError: The sample or the result has no type in a signature.
    """
    require_rows(sample)
    inputs = infer_ports(convert(sample), "inputs")
    outputs = infer_ports(convert(ask(model, sample, predict)), "outputs")
    return Signature(inputs=inputs, outputs=outputs)


def method_signature(model: object, sample: object, *names: str) -> Signature:
    """Return the signature of the first of these methods that the model has.

    Raises:
        UnsupportedModelError: The model has none of them.
        InvalidSampleError: The model rejects the sample.
        InvalidSignatureError: The sample or the result has no type in a signature.
    """
    first, *_ = _methods(model, names).values()
    return call_signature(model, sample, first)


def answers_of(model: object, sample: object, *names: str) -> dict[str, object]:
    """Return the outputs of each of these methods that the model has.

    Labels alone would hide a difference that probabilities show. The first method must accept the
    sample; an error of another method is an output too.

    Raises:
        UnsupportedModelError: The model has none of them.
        InvalidSampleError: The model rejects the sample.
    """
    methods = _methods(model, names)
    first, *others = methods
    answers: dict[str, object] = {first: ask(model, sample, methods[first])}
    for name in others:
        try:
            answers[name] = ask(model, sample, methods[name])
        except InvalidSampleError as error:
            answers[name] = f"raises {type(error.__cause__).__name__}"
    return answers


def _methods(model: object, names: tuple[str, ...]) -> dict[str, Callable[[Any], Any]]:
    methods = {name: getattr(model, name, None) for name in names}
    found = {name: method for name, method in methods.items() if method is not None}
    if not found:
        raise not_callable(model, f"has neither {'() nor '.join(names)}()")
    return found


def not_callable(model: object, reason: str) -> UnsupportedModelError:
    """Return the error for a model that cannot be called."""
    return UnsupportedModelError(
        f"{type(model).__name__} {reason}",
        field="model",
        remedy="Give the signature instead of a sample",
    )
