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

from pedigree.errors import UnsupportedModelError
from pedigree.flavors.joblib import JoblibFlavor
from pedigree.flavors.sklearn import SklearnFlavor
from tests.lazy import lazy

own = lazy("tests.flavors.own")
linear_model = lazy("sklearn.linear_model")
metrics = lazy("sklearn.metrics")
pairwise = lazy("sklearn.metrics.pairwise")
preprocessing = lazy("sklearn.preprocessing")
svm = lazy("sklearn.svm")

FLAVOR = SklearnFlavor()
ROWS = np.arange(8.0).reshape(4, 2)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(
            lambda: own.scaling_by(9.0), "defined inside a function", id="closure with a twin"
        ),
        pytest.param(lambda: lambda rows: rows, "a lambda", id="lambda"),
        pytest.param(lambda: own.twice, "a lambda", id="lambda with a name"),
        pytest.param(
            lambda: own.renamed(own.scaling_by(9.0)),
            "defined inside a function",
            id="decorated locally",
        ),
        pytest.param(lambda: own.bare_decorated, "is not the .* of", id="what was decorated"),
        pytest.param(lambda: own.cached, "a name that skops does not read", id="cached"),
        pytest.param(lambda: own.Features.scale, "is not the .* of", id="static method"),
        pytest.param(
            lambda: own.Scaler().transform, "in a different module", id="inherited method"
        ),
        pytest.param(
            lambda: own.Scaler.get_params, "has no get_params", id="method without an object"
        ),
        pytest.param(lambda: np.frompyfunc(own.scale, 1, 1), "", id="ufunc of one's own"),
        pytest.param(lambda: np.vectorize(lambda row: row), "a lambda", id="lambda in an object"),
        pytest.param(
            lambda: functools.partial(own.scaling_by(9.0)), "inside a function", id="partial of one"
        ),
        pytest.param(
            lambda: own.Partial(own.scale, by=3.0), "as a functools.partial", id="kind of partial"
        ),
        pytest.param(lambda: [].append, "", id="builtin method"),
        pytest.param(lambda: str.lower, "has no method_descriptor", id="method of a builtin"),
        pytest.param(
            lambda: own.of_main("def scale(rows): ..."),
            "defined in __main__, the running program",
            id="__main__",
        ),
    ],
)
def test_a_function_that_cannot_be_imported_is_refused(
    make: Callable[[], Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(
        UnsupportedModelError, match=f"cannot be stored by name: it .*{reason}"
    ) as no:
        FLAVOR.save(preprocessing.FunctionTransformer(make()), tmp_path)
    assert "top level of a module" in str(no.value.remedy)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: own.scale,
        lambda: own.decorated,
        lambda: math.sqrt,
        lambda: np.log1p,
        lambda: np.mean,
        lambda: functools.partial(own.scale, by=3.0),
        lambda: own.Features().shifted,
        lambda: np.vectorize(own.scale),
    ],
)
def test_a_function_that_can_be_imported_is_restored(
    make: Callable[[], Any], tmp_path: Path
) -> None:
    function = make()
    model = preprocessing.FunctionTransformer(function)
    FLAVOR.save(model, tmp_path)
    names = ["builtins.dict", "math.sqrt", "functools.partial", "numpy.vectorize", "numpy.mean"]
    mine = ["scale", "decorated", "Features", "Features.shifted"]
    names += [f"{own.__name__}.{name}" for name in mine] + [
        "numpy.lib._function_base_impl.vectorize"
    ]
    loaded: Any = FLAVOR.load(tmp_path, trust=names)
    if function is math.sqrt:
        assert loaded.func is math.sqrt
    else:
        np.testing.assert_array_equal(loaded.func(ROWS), function(ROWS))


def test_two_closures_are_never_one_version(tmp_path: Path) -> None:
    for divisor in (9.0, 11.0):
        with pytest.raises(UnsupportedModelError, match=r"scaling_by\.<locals>\.scale"):
            FLAVOR.save(preprocessing.FunctionTransformer(own.scaling_by(divisor)), tmp_path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (
            lambda: own.Features.Inner(),  # noqa: PLW0108 - imports scikit-learn
            r"Features\.Inner.* has no Inner",
        ),
        (
            lambda: own.local_estimator(),  # noqa: PLW0108 - imports scikit-learn
            "defined inside a function",
        ),
        (lambda: svm.SVC(kernel=own.scaling_by(1.0)), "defined inside a function"),
        (
            lambda: linear_model.LogisticRegression(class_weight={False: 1.0, True: 2.0}),
            "has the key False",
        ),
        (lambda: linear_model.LogisticRegression(class_weight={None: 1.0}), "has the key None"),
        (
            lambda: linear_model.LogisticRegression(class_weight=defaultdict(float, {1: 2.0})),
            "has the key 1",
        ),
    ],
)
def test_a_part_that_would_not_be_restored_is_refused(
    make: Callable[[], object], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        FLAVOR.save(make(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_custom_scorer_and_a_custom_kernel_are_checked_too(tmp_path: Path) -> None:
    model = svm.SVC(kernel=pairwise.rbf_kernel)
    model.scorer_ = metrics.make_scorer(lambda truth, guess: 0.0)  # noqa: ARG005 - a scorer's signature
    with pytest.raises(UnsupportedModelError, match="a lambda"):
        FLAVOR.save(model, tmp_path)


def test_a_custom_estimator_is_restored(tmp_path: Path) -> None:
    FLAVOR.save(own.Scaler().fit(ROWS), tmp_path)
    loaded = FLAVOR.load(tmp_path, trust=[f"{own.__name__}.Scaler"])
    assert type(loaded) is own.Scaler


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
    for function in (own.scaling_by(9.0), lambda rows: rows, own.of_main("def scale(rows): ...")):
        with pytest.raises(UnsupportedModelError):
            JoblibFlavor().save(preprocessing.FunctionTransformer(function), tmp_path)
        assert list(tmp_path.iterdir()) == []
