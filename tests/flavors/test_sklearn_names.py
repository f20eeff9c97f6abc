"""Functions and classes are saved by name, so one that cannot be imported by name is refused."""

import functools
import math
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from pedigree.errors import UnsupportedModelError
from pedigree.flavors.joblib import JoblibFlavor
from pedigree.flavors.sklearn import SklearnFlavor

FLAVOR = SklearnFlavor()
ROWS = np.arange(8.0).reshape(4, 2)


def scale(rows: Any, by: float = 2.0) -> Any:
    """The function to which the name of a closure would resolve."""
    return rows / by


def scaling_by(divisor: float) -> Callable[[Any], Any]:
    def scale(rows: Any) -> Any:
        return rows / divisor

    return scale


def renamed(function: Any) -> Any:
    """A decorator whose inner function has the name of the function that it wraps."""

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
    """A custom estimator whose ``transform`` is defined in another module."""


def local_estimator() -> Any:
    class Scaler(StandardScaler):  # type: ignore[misc]  # scikit-learn ships no types
        pass

    return Scaler()


class Partial(functools.partial):  # type: ignore[type-arg]  # of whatever is given
    pass


def of_main(code: str) -> Any:
    """Return a function that is defined in ``__main__``."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(code, names)
    return names["scale"]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        pytest.param(scaling_by(9.0), "defined inside a function", id="closure with a twin"),
        pytest.param(lambda rows: rows, "a lambda", id="lambda"),
        pytest.param(twice, "a lambda", id="lambda with a name"),
        pytest.param(renamed(scaling_by(9.0)), "defined inside a function", id="decorated locally"),
        pytest.param(bare_decorated, "of the module", id="what was decorated"),
        pytest.param(cached, "a name that skops does not read", id="cached"),
        pytest.param(Features.scale, "of the module", id="static method"),
        pytest.param(Scaler().transform, "in a different module", id="inherited method"),
        pytest.param(Scaler.get_params, "has no get_params", id="method without an object"),
        pytest.param(np.frompyfunc(scale, 1, 1), "", id="ufunc of one's own"),
        pytest.param(np.vectorize(lambda row: row), "a lambda", id="lambda in an object"),
        pytest.param(functools.partial(scaling_by(9.0)), "inside a function", id="partial of one"),
        pytest.param(Partial(scale, by=3.0), "as a functools.partial", id="kind of partial"),
        pytest.param([].append, "", id="builtin method"),
        pytest.param(str.lower, "has no method_descriptor", id="method of a builtin"),
        pytest.param(
            of_main("def scale(rows): ..."), "in __main__, the running program", id="__main__"
        ),
    ],
)
def test_a_function_that_cannot_be_imported_is_refused(
    function: Any, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(
        UnsupportedModelError, match=f"cannot be stored by name: it .*{reason}"
    ) as no:
        FLAVOR.save(FunctionTransformer(function), tmp_path)
    assert "top level of a module" in str(no.value.remedy)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "function",
    [
        scale,
        decorated,
        math.sqrt,
        np.log1p,
        np.mean,
        functools.partial(scale, by=3.0),
        Features().shifted,
        np.vectorize(scale),
    ],
)
def test_a_function_that_can_be_imported_is_restored(function: Any, tmp_path: Path) -> None:
    model = FunctionTransformer(function)
    FLAVOR.save(model, tmp_path)
    names = ["builtins.dict", "math.sqrt", "functools.partial", "numpy.vectorize", "numpy.mean"]
    mine = ["scale", "decorated", "Features", "Features.shifted"]
    names += [f"{__name__}.{name}" for name in mine] + ["numpy.lib._function_base_impl.vectorize"]
    loaded: Any = FLAVOR.load(tmp_path, trust=names)
    if function is math.sqrt:
        assert loaded.func is math.sqrt
    else:
        np.testing.assert_array_equal(loaded.func(ROWS), function(ROWS))


def test_two_closures_are_never_one_version(tmp_path: Path) -> None:
    for divisor in (9.0, 11.0):
        with pytest.raises(UnsupportedModelError, match=r"scaling_by\.<locals>\.scale"):
            FLAVOR.save(FunctionTransformer(scaling_by(divisor)), tmp_path)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Features.Inner(), r"Features\.Inner.* has no Inner"),
        (local_estimator(), "defined inside a function"),
        (SVC(kernel=scaling_by(1.0)), "defined inside a function"),
        (LogisticRegression(class_weight={False: 1.0, True: 2.0}), "has the key False"),
        (LogisticRegression(class_weight={None: 1.0}), "has the key None"),
        (LogisticRegression(class_weight=defaultdict(float, {1: 2.0})), "has the key 1"),
    ],
)
def test_a_part_that_would_not_be_restored_is_refused(
    model: object, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        FLAVOR.save(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_custom_scorer_and_a_custom_kernel_are_checked_too(tmp_path: Path) -> None:
    model = SVC(kernel=rbf_kernel)
    model.scorer_ = make_scorer(lambda truth, guess: 0.0)  # noqa: ARG005 - a scorer's signature
    with pytest.raises(UnsupportedModelError, match="a lambda"):
        FLAVOR.save(model, tmp_path)


def test_a_custom_estimator_is_restored(tmp_path: Path) -> None:
    FLAVOR.save(Scaler().fit(ROWS), tmp_path)
    loaded = FLAVOR.load(tmp_path, trust=[f"{__name__}.Scaler"])
    assert type(loaded) is Scaler


SCRIPT = """
import sys
from pathlib import Path
from sklearn.preprocessing import FunctionTransformer
from pedigree.errors import UnsupportedModelError
from pedigree.flavors.plugins import get_flavor

def scale(rows):
    return rows / 2

for flavor in ("sklearn", "joblib"):
    try:
        get_flavor(flavor).save(FunctionTransformer(scale), Path(sys.argv[1]))
    except UnsupportedModelError as error:
        print(flavor, error)
"""


def test_a_function_of_a_script_is_refused_and_the_error_names_the_script(
    tmp_path: Path,
) -> None:
    script, folder = tmp_path / "train.py", tmp_path / "model"
    folder.mkdir()
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script, folder], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["sklearn", "joblib"]
    assert all("__main__.scale" in line and "cannot import" in line for line in lines)
    assert list(folder.iterdir()) == []


def test_joblib_refuses_objects_that_other_processes_cannot_import(tmp_path: Path) -> None:
    for function in (scaling_by(9.0), lambda rows: rows, of_main("def scale(rows): ...")):
        with pytest.raises(UnsupportedModelError):
            JoblibFlavor().save(FunctionTransformer(function), tmp_path)
        assert list(tmp_path.iterdir()) == []
