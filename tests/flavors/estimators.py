"""Every estimator of the installed scikit-learn, and what its own library may set on one."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import skops.io
from scipy import stats
from scipy.stats._distr_params import distcont, distdiscrete
from sklearn import model_selection
from sklearn.base import clone
from sklearn.feature_selection import (
    SelectKBest,
    f_classif,
    f_oneway,
    f_regression,
    mutual_info_regression,
    r_regression,
)
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from sklearn.linear_model import Ridge
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


def fitted_on_small_data(estimator: Any) -> Any:
    """Fit an estimator on what its tags say that it takes."""
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


def with_every_option() -> Iterator[Any]:
    """Every estimator with each word that one of its parameters may be."""
    for _, estimator_class in all_estimators():
        try:
            first = next(iter(_construct_instances(estimator_class)))
        except (Exception, pytest.skip.Exception):  # what needs more than small data
            continue
        if "thresholds" in first.get_params(deep=False):
            first.set_params(thresholds=3)  # by default 100 scores a fit, half of the test's time
        for name, constraints in getattr(estimator_class, "_parameter_constraints", {}).items():
            for constraint in constraints if isinstance(constraints, list) else ():
                for word in constraint.options if isinstance(constraint, Options) else ():
                    yield clone(first).set_params(**{name: word})


def search_over(given: Any) -> Any:
    """A random search whose one parameter is drawn from a distribution."""
    return RandomizedSearchCV(Ridge(), {"alpha": given})


def distributions() -> Iterator[tuple[str, Any]]:
    """Every distribution of scipy with the arguments by which scipy tests it, by its name."""
    for name, arguments in distcont + distdiscrete:
        if isinstance(name, str):
            yield name, getattr(stats, name)(*arguments)


def not_made_again() -> Iterator[Any]:
    """Distributions that scipy would not make again from their name and arguments."""
    seeded = stats.uniform(0, 1)
    seeded.random_state = 3
    yield seeded
    yield stats.rv_histogram(np.histogram([1, 2, 3], 2))()
    yield Mine(name="norm")(0, 1)


def dumps_of_fitted() -> Iterator[bytes]:
    """What is stored of each estimator in all the ways in which scikit-learn tests it."""
    for _, estimator_class in all_estimators():
        try:
            with warnings.catch_warnings(action="ignore"):
                instances = list(_construct_instances(estimator_class))
                dumps = [skops.io.dumps(fitted_on_small_data(each)) for each in instances]
        except (Exception, pytest.skip.Exception):  # what cannot be fitted so holds nothing to find
            continue
        yield from dumps


def dumps_with_every_option() -> Iterator[bytes]:
    """What is stored of each estimator with each word that one of its parameters may be."""
    for estimator in with_every_option():
        try:
            with warnings.catch_warnings(action="ignore"):
                dump = skops.io.dumps(fitted_on_small_data(estimator))
        except (Exception, pytest.skip.Exception):  # an option that asks for other data
            continue
        yield dump


def settings() -> Iterator[tuple[str, Any]]:
    """What of scikit-learn's own a search or a process may be given as a setting, by a name."""
    rows = np.arange(12.0).reshape(6, 2)
    for name in get_scorer_names():
        yield name, GridSearchCV(Ridge(), {"alpha": [1.0]}, scoring=name)
    scorer = make_scorer(fbeta_score, beta=2)
    yield "make_scorer", GridSearchCV(Ridge(), {}, scoring=scorer)
    # What sklearn.model_selection says of them does not tell which need arguments.
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
        yield type(splitter).__name__, search
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
        yield type(kernel).__name__, GaussianProcessRegressor(kernel)
    for function in (f_classif, f_oneway, f_regression, r_regression, mutual_info_regression):
        yield function.__name__, SelectKBest(function)
    for function in (rbf_kernel, laplacian_kernel, linear_kernel):
        yield function.__name__, SVC(kernel=function)


class Mine(stats.rv_continuous):  # type: ignore[misc]  # scipy ships no types
    def _pdf(self, x: Any) -> Any:
        return x
