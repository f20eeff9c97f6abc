"""The list of trusted types, recomputed from all estimators of the installed scikit-learn."""

import importlib
import tomllib
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pedigree.errors import InvalidArtifactError
from pedigree.flavors._distributions import frozen
from pedigree.flavors.sklearn import SklearnFlavor, trusted_types
from tests.lazy import lazy

estimators = lazy("tests.flavors.estimators")
skops_io = lazy("skops.io")
calibration = lazy("sklearn.calibration")
linear_model = lazy("sklearn.linear_model")
model_selection = lazy("sklearn.model_selection")
datasets = lazy("sklearn.datasets")
stats = lazy("scipy.stats")

TABLE = tomllib.loads(files("pedigree.flavors").joinpath("sklearn_trusted.toml").read_text("utf-8"))
VERSION = version("scikit-learn")
INSTALLED = ".".join(VERSION.split(".")[:2])

# Compiled code uses their content as indices without a check; see the comment in the list.
REFUSED = {
    "sklearn.cluster._bisect_k_means._BisectingTree",
    "sklearn.cluster._kmeans._kmeans_single_lloyd",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
}

# scipy moves its private names between releases, so these are the names of several releases.
REFUSED_OF_SCIPY = {
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "scipy.interpolate._bsplines.BSpline",
    "scipy.interpolate._bsplines._BSpline",
    "scipy.sparse._csr.csr_matrix",
}


@pytest.mark.system
@pytest.mark.filterwarnings("ignore")
def test_every_type_in_a_fitted_estimator_is_trusted_or_refused_on_purpose() -> None:
    found: set[str] = set()
    stored = 0
    for dump in estimators.dumps_of_fitted():
        found |= set(skops_io.get_untrusted_types(data=dump))
        stored += 1
    assert stored > 200
    assert found - trusted_types(INSTALLED) - REFUSED_OF_SCIPY == REFUSED


@pytest.mark.system
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
def test_every_option_of_every_estimator_needs_no_trust_or_is_refused_on_purpose() -> None:
    found: set[str] = set()
    stored = 0
    for dump in estimators.dumps_with_every_option():
        found |= set(skops_io.get_untrusted_types(data=dump))
        stored += 1
    assert stored > 1000
    left = found - trusted_types(INSTALLED) - REFUSED_OF_SCIPY - REFUSED
    assert {each for each in left if not each.startswith("sklearn.metrics._dist_metrics.")} == {
        "sklearn.cluster._kmeans._kmeans_single_elkan",
        "sklearn.neighbors._ball_tree.BallTree",
    }


def needs_trust(model: object, folder: Path) -> set[str]:
    """Return the names that loading the saved model needs in ``trust``."""
    SklearnFlavor().save(model, folder)
    found = skops_io.get_untrusted_types(file=folder / "model.skops")
    return set(found) - trusted_types(INSTALLED)


def test_a_setting_of_scikit_learn_s_own_needs_no_trust(tmp_path: Path) -> None:
    names = []
    for name, holder in estimators.settings():
        assert needs_trust(holder, tmp_path) == set(), name
        names.append(name)
    assert len(names) > 90


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_a_calibrated_classifier_needs_no_trust(method: str, tmp_path: Path) -> None:
    rows, labels = datasets.make_classification(60, 4, random_state=0)
    try:
        model = calibration.CalibratedClassifierCV(
            linear_model.LogisticRegression(), method=method
        ).fit(rows, labels)
    except ValueError:
        pytest.skip(f"scikit-learn {VERSION} has no {method!r}")
    SklearnFlavor().save(model, tmp_path)
    loaded: Any = SklearnFlavor().load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))


def test_a_scipy_distribution_needs_no_trust_and_draws_the_same(tmp_path: Path) -> None:
    names = []
    for name, given in estimators.distributions():
        SklearnFlavor().save(estimators.search_over(given), tmp_path)
        loaded: Any = SklearnFlavor().load(tmp_path)
        drawn = loaded.param_distributions["alpha"].rvs(5, random_state=0)
        np.testing.assert_array_equal(drawn, given.rvs(5, random_state=0), err_msg=name)
        names.append(name)
    assert len(names) > 120


def test_a_search_over_distributions_loads_and_searches_again(tmp_path: Path) -> None:
    rows, labels = datasets.make_classification(60, 4, random_state=0)
    space = {"C": stats.loguniform(1e-3, scale=1, b=1e2), "max_iter": stats.randint(50, 60)}
    model = model_selection.RandomizedSearchCV(
        linear_model.LogisticRegression(), space, n_iter=3, random_state=0
    )
    model.fit(rows, labels)
    SklearnFlavor().save(model, tmp_path)
    loaded: Any = SklearnFlavor().load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))
    assert lazy("sklearn.base").clone(loaded).fit(rows, labels).best_params_ == model.best_params_
    again = tmp_path / "again"
    again.mkdir()
    SklearnFlavor().save(loaded, again)
    stored = (tmp_path / "model.skops").read_bytes()
    assert (again / "model.skops").read_bytes() == stored


def test_a_distribution_that_scipy_cannot_restore_needs_trust(tmp_path: Path) -> None:
    frozen_by_scipy = "scipy.stats._distn_infrastructure.rv_continuous_frozen"
    for given in estimators.not_made_again():
        assert frozen_by_scipy in needs_trust(estimators.search_over(given), tmp_path)


@pytest.mark.parametrize("name", ["rv_continuous", "os.system", "describe", "norm.__class__", ""])
def test_only_distributions_are_called_by_name(name: str) -> None:
    with pytest.raises(InvalidArtifactError, match="no distribution"):
        frozen(name, (), {})


def test_every_name_on_the_list_exists() -> None:
    for name in trusted_types(INSTALLED):
        module, _, attribute = name.rpartition(".")
        if "HalvingG" in name or "HalvingR" in name or "IterativeImputer" in name:
            continue  # needs sklearn.experimental, but exists in the module
        assert hasattr(importlib.import_module(module), attribute), name


def test_the_list_has_a_reason_for_each_group_and_no_duplicates() -> None:
    names = [name for group in TABLE["trusted"] for name in group["names"]]
    assert len(names) == len(set(names))
    assert all(group["reason"] for group in TABLE["trusted"])
    assert not (REFUSED | REFUSED_OF_SCIPY) & set(names)


def test_the_list_includes_the_installed_version() -> None:
    gone = "sklearn.compose._column_transformer._RemainderColsList"
    assert gone in trusted_types("1.6")
    assert gone not in trusted_types("1.9")
    assert trusted_types("9.9") == trusted_types(TABLE["versions"][-1])
