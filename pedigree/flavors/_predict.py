"""Ask a model for what it gives, without letting it touch the sample that the caller gave.

All flavors ask here. The signature's inputs are read before the model is asked, and the model is
given a copy: a transformer may add columns to what it is given, or drop some.
"""

import copy
import pickle
from collections.abc import Callable
from typing import Any

from pedigree.errors import InvalidSampleError, PedigreeError, UnsupportedModelError
from pedigree.flavors.samples import refused_sample, require_rows
from pedigree.signatures.infer import infer_ports
from pedigree.signatures.records import Signature

# The first that an estimator has is the one that its signature describes.
METHODS = ("predict", "transform", "predict_proba", "decision_function")


def fresh(sample: object) -> object:
    """Return a copy of a sample that shares nothing with it.

    Raises:
        InvalidSampleError: It cannot be copied.
    """
    try:
        # Also copies the objects in a frame's cells, which the frame's own copy shares.
        copied: object = pickle.loads(pickle.dumps(sample))  # noqa: S301 - made in this line
    except Exception:  # whatever a value's own reduction raises
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
    """Return what a model gives for a copy of a sample.

    Args:
        model: The model, which says what it takes where it refuses.
        sample: A few inputs.
        predict: The call of the model.

    Raises:
        InvalidSampleError: The sample has no rows, or the model refuses it; the message names the
            column or the dtype.
    """
    require_rows(sample)
    given = fresh(sample)
    try:
        return predict(given)
    except PedigreeError:
        raise
    except Exception as error:  # whatever the model or its library raises
        raise refused_sample(model, sample, error) from error


def asked_signature(
    model: object,
    sample: object,
    predict: Callable[[Any], Any],
    *,
    shown: Callable[[Any], object] = lambda value: value,
) -> Signature:
    """Return the signature of a call: the inputs as they are before it, the outputs as they come.

    Args:
        model: The model.
        sample: A few inputs.
        predict: The call of the model.
        shown: Turns a library's own values into what a signature has types for.

    Raises:
        InvalidSampleError: The model refuses the sample.
        InvalidSignatureError: The sample or the result has no type in a signature.
    """
    require_rows(sample)
    inputs = infer_ports(shown(sample), "inputs")
    outputs = infer_ports(shown(ask(model, sample, predict)), "outputs")
    return Signature(inputs=inputs, outputs=outputs)


def predicted_signature(model: object, sample: object, *verbs: str) -> Signature:
    """Return the signature by the first of these methods that the model has.

    Raises:
        UnsupportedModelError: The model has none of them.
        InvalidSampleError: The model refuses the sample.
        InvalidSignatureError: The sample or the result has no type in a signature.
    """
    first, *_ = _methods(model, verbs).values()
    return asked_signature(model, sample, first)


def answers_of(model: object, sample: object, *verbs: str) -> dict[str, object]:
    """Return what a model gives for a sample by each of these methods that it has.

    Labels alone would hide a difference that probabilities show. The first method must take the
    sample; of the others an error is an answer too.

    Raises:
        UnsupportedModelError: The model has none of them.
        InvalidSampleError: The model refuses the sample.
    """
    methods = _methods(model, verbs)
    first, *others = methods
    answers: dict[str, object] = {first: ask(model, sample, methods[first])}
    for verb in others:
        try:
            answers[verb] = ask(model, sample, methods[verb])
        except InvalidSampleError as error:
            answers[verb] = f"raises {type(error.__cause__).__name__}"
    return answers


def _methods(model: object, verbs: tuple[str, ...]) -> dict[str, Callable[[Any], Any]]:
    methods = {verb: getattr(model, verb, None) for verb in verbs}
    found = {verb: method for verb, method in methods.items() if method is not None}
    if not found:
        raise not_callable(model, f"has neither {'() nor '.join(verbs)}()")
    return found


def not_callable(model: object, reason: str) -> UnsupportedModelError:
    """Return the error that a model cannot be asked for its outputs."""
    return UnsupportedModelError(
        f"{type(model).__name__} {reason}",
        field="model",
        remedy="Give the signature instead of a sample",
    )
