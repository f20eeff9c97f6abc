"""Functions and classes of one's own, for the tests of what is stored by name."""

import functools
from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler


def scale(rows: Any, by: float = 2.0) -> Any:
    """The function that a closure of the same name would be taken for."""
    return rows / by


def scaling_by(divisor: float) -> Callable[[Any], Any]:
    def scale(rows: Any) -> Any:
        return rows / divisor

    return scale


def renamed(function: Any) -> Any:
    """A decorator's inner function, which takes the name of the one that it wraps."""

    @functools.wraps(function)
    def wrapped(*given: Any) -> Any:
        return function(*given)

    return wrapped


@renamed
def decorated(rows: Any) -> Any:
    return rows


bare_decorated = decorated.__wrapped__
cached = functools.lru_cache(scale)
twice = lambda rows: rows * 2  # noqa: E731 - a name does not make it one


class Features:
    @staticmethod
    def scale(rows: Any) -> Any:
        return rows

    def shifted(self, rows: Any) -> Any:
        return rows + 1

    class Inner(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
        def fit(self, rows: Any, target: Any = None) -> Any:
            return self

        def transform(self, rows: Any) -> Any:
            return rows


class Scaler(StandardScaler):  # type: ignore[misc]  # scikit-learn ships no types
    """An estimator of one's own; ``transform`` is that of another module."""


def local_estimator() -> Any:
    class Scaler(StandardScaler):  # type: ignore[misc]  # scikit-learn ships no types
        pass

    return Scaler()


class Partial(functools.partial):  # type: ignore[type-arg]  # of whatever is given
    pass


def of_main(code: str) -> Any:
    """What a function is when it was defined by the program that runs."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(code, names)
    return names["scale"]
