"""The list of trusted types, recomputed from all estimators of the installed scikit-learn."""

import importlib
import tomllib
import warnings
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
import skops.io
from scipy import stats
from scipy.stats._distr_params import distcont, distdiscrete
from sklearn import model_selection
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.feature_selection import (
    SelectKBest,
    f_classif,
    f_oneway,
    f_regression,
    mutual_info_regression,
    r_regression,
)
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import fbeta_score, get_scorer_names, make_scorer
from sklearn.metrics.pairwise import laplacian_kernel, linear_kernel, rbf_kernel
from sklearn.model_selection import (
    BaseCrossValidator,
    BaseShuffleSplit,
    GridSearchCV,
    LeavePGroupsOut,
    LeavePOut,
    PredefinedSplit,
    RandomizedSearchCV,
)
from sklearn.model_selection._split import _RepeatedSplits
from sklearn.svm import SVC
from sklearn.utils import all_estimators
from sklearn.utils._param_validation import Options
from sklearn.utils._test_common.instance_generator import _construct_instances

from pedigree.errors import InvalidArtifactError
from pedigree.flavors._distributions import frozen
from pedigree.flavors.sklearn import SklearnFlavor, trusted_types

TABLE = tomllib.loads(files("pedigree.flavors").joinpath("sklearn_trusted.toml").read_text("utf-8"))
INSTALLED = ".".join(sklearn.__version__.split(".")[:2])

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


def fitted_on_small_data(estimator: Any) -> Any:
    """Fit an estimator on data that its tags describe."""
    tags = estimator.__sklearn_tags__()
    features = np.random.RandomState(0).rand(60, 4)
    label, amount = (features[:, 0] > 0.5).astype(int), features[:, 0] * 3 + 1
    target = amount if tags.estimator_type == "regressor" else label
    if tags.target_tags.multi_output and not tags.target_tags.single_output:
        target = np.c_[target, 1 - target]
    inputs: Any = features
    if tags.input_tags.pairwise:
        inputs = features @ features.T
    elif getattr(tags.input_tags, "dict", False):
        inputs = [{"a": 1.0, "b": 2.0}] * 60
    elif not tags.input_tags.two_d_array:
        inputs = ["red green", "green blue"] * 30 if tags.input_tags.string else features[:, 0]
    return estimator.fit(inputs, target)


@pytest.mark.filterwarnings("ignore")
def test_every_type_in_a_fitted_estimator_is_trusted_or_refused_on_purpose() -> None:
    found: set[str] = set()
    stored = 0
    for _, estimator_class in all_estimators():
        try:
            with warnings.catch_warnings(action="ignore"):
                instances = list(_construct_instances(estimator_class))
                dumps = [skops.io.dumps(fitted_on_small_data(each)) for each in instances]
        except (Exception, pytest.skip.Exception):  # what cannot be fitted so holds nothing to find
            continue
        for dump in dumps:
            found |= set(skops.io.get_untrusted_types(data=dump))
            stored += 1
    assert stored > 200
    assert found - trusted_types(INSTALLED) - REFUSED_OF_SCIPY == REFUSED


def with_every_option() -> Iterator[Any]:
    """Yield all estimators with each option of each of their parameters."""
    for _, estimator_class in all_estimators():
        try:
            first = next(iter(_construct_instances(estimator_class)))
        except (Exception, pytest.skip.Exception):  # what needs more than small data
            continue
        for name, constraints in getattr(estimator_class, "_parameter_constraints", {}).items():
            for constraint in constraints if isinstance(constraints, list) else ():
                for word in constraint.options if isinstance(constraint, Options) else ():
                    yield clone(first).set_params(**{name: word})


@pytest.mark.system
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
def test_every_option_of_every_estimator_needs_no_trust_or_is_refused_on_purpose() -> None:
    found: set[str] = set()
    stored = 0
    for estimator in with_every_option():
        try:
            with warnings.catch_warnings(action="ignore"):
                dump = skops.io.dumps(fitted_on_small_data(estimator))
        except (Exception, pytest.skip.Exception):  # an option that asks for other data
            continue
        found |= set(skops.io.get_untrusted_types(data=dump))
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
    found = skops.io.get_untrusted_types(file=folder / "model.skops")
    return set(found) - trusted_types(INSTALLED)


def settings() -> Iterator[Any]:
    """Yield scikit-learn's own objects that can be settings of a search or a process."""
    rows = np.arange(12.0).reshape(6, 2)
    for name in get_scorer_names():
        yield pytest.param(GridSearchCV(Ridge(), {"alpha": [1.0]}, scoring=name), id=name)
    yield pytest.param(make_scorer(fbeta_score, beta=2), id="make_scorer")
    # sklearn.model_selection does not state which of them need arguments.
    splitters = [LeavePOut(2), LeavePGroupsOut(2), PredefinedSplit([0, 1]), [(rows[:1], rows[1:])]]
    splitters += [
        each()
        for each in vars(model_selection).values()
        if isinstance(each, type)
        and (issubclass(each, BaseCrossValidator | BaseShuffleSplit | _RepeatedSplits))
        and each not in {BaseCrossValidator, BaseShuffleSplit, LeavePOut, LeavePGroupsOut}
        and each is not PredefinedSplit
    ]
    for splitter in splitters:
        search = GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=splitter)
        yield pytest.param(search, id=type(splitter).__name__)
    inner = kernels.RBF()
    for kernel in (
        kernels.CompoundKernel([inner]),
        kernels.ConstantKernel() * inner + kernels.WhiteKernel(),
        kernels.DotProduct(),
        kernels.ExpSineSquared(),
        kernels.Exponentiation(inner, 2),
        kernels.Matern(),
        kernels.PairwiseKernel(metric="rbf"),
        kernels.RationalQuadratic(),
    ):
        yield pytest.param(GaussianProcessRegressor(kernel), id=type(kernel).__name__)
    for function in (f_classif, f_oneway, f_regression, r_regression, mutual_info_regression):
        yield pytest.param(SelectKBest(function), id=function.__name__)
    for function in (rbf_kernel, laplacian_kernel, linear_kernel):
        yield pytest.param(SVC(kernel=function), id=function.__name__)


@pytest.mark.parametrize("model", list(settings()))
def test_scikit_learn_s_own_settings_need_no_trust(model: Any, tmp_path: Path) -> None:
    holder = model if hasattr(model, "fit") else GridSearchCV(Ridge(), {}, scoring=model)
    assert needs_trust(holder, tmp_path) == set()


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_a_calibrated_classifier_needs_no_trust(method: str, tmp_path: Path) -> None:
    rows, labels = make_classification(60, 4, random_state=0)
    try:
        model = CalibratedClassifierCV(LogisticRegression(), method=method).fit(rows, labels)
    except ValueError:
        pytest.skip(f"scikit-learn {sklearn.__version__} has no {method!r}")
    SklearnFlavor().save(model, tmp_path)
    loaded: Any = SklearnFlavor().load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [(name, arguments) for name, arguments in distcont + distdiscrete if isinstance(name, str)],
)
def test_a_scipy_distribution_needs_no_trust_and_draws_the_same(
    name: str, arguments: tuple[Any, ...], tmp_path: Path
) -> None:
    given = getattr(stats, name)(*arguments)
    SklearnFlavor().save(RandomizedSearchCV(Ridge(), {"alpha": given}), tmp_path)
    loaded: Any = SklearnFlavor().load(tmp_path)
    drawn = loaded.param_distributions["alpha"].rvs(5, random_state=0)
    np.testing.assert_array_equal(drawn, given.rvs(5, random_state=0))


def test_a_search_over_distributions_loads_and_searches_again(tmp_path: Path) -> None:
    rows, labels = make_classification(60, 4, random_state=0)
    space = {"C": stats.loguniform(1e-3, scale=1, b=1e2), "max_iter": stats.randint(50, 60)}
    model = RandomizedSearchCV(LogisticRegression(), space, n_iter=3, random_state=0)
    model.fit(rows, labels)
    SklearnFlavor().save(model, tmp_path)
    loaded: Any = SklearnFlavor().load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))
    assert clone(loaded).fit(rows, labels).best_params_ == model.best_params_
    again = tmp_path / "again"
    again.mkdir()
    SklearnFlavor().save(loaded, again)
    stored = (tmp_path / "model.skops").read_bytes()
    assert (again / "model.skops").read_bytes() == stored


def test_a_distribution_that_scipy_cannot_restore_needs_trust(tmp_path: Path) -> None:
    seeded = stats.uniform(0, 1)
    seeded.random_state = 3
    for given in (
        seeded,
        stats.rv_histogram(np.histogram([1, 2, 3], 2))(),
        Mine(name="norm")(0, 1),
    ):
        search = RandomizedSearchCV(Ridge(), {"alpha": given})
        assert "scipy.stats._distn_infrastructure.rv_continuous_frozen" in needs_trust(
            search, tmp_path
        )


class Mine(stats.rv_continuous):  # type: ignore[misc]  # scipy ships no types
    def _pdf(self, x: Any) -> Any:
        return x


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
