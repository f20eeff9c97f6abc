"""The list of trusted types, found again over every estimator of the installed scikit-learn."""

import importlib
import tomllib
import warnings
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
import sklearn
import skops.io
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import _construct_instances

from pedigree.flavors.sklearn import trusted_types

TABLE = tomllib.loads(files("pedigree.flavors").joinpath("sklearn_trusted.toml").read_text("utf-8"))
INSTALLED = ".".join(sklearn.__version__.split(".")[:2])

# Compiled code follows their content without looking; the file says so beside the list.
REFUSED = {
    "sklearn.cluster._bisect_k_means._BisectingTree",
    "sklearn.cluster._kmeans._kmeans_single_lloyd",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
}

# scipy moves its private names from release to release, so more is refused than one release holds.
REFUSED_OF_SCIPY = {
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "scipy.interpolate._bsplines.BSpline",
    "scipy.interpolate._bsplines._BSpline",
    "scipy.sparse._csr.csr_matrix",
}


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


def test_every_name_on_the_list_exists() -> None:
    for name in trusted_types(INSTALLED):
        module, _, attribute = name.rpartition(".")
        if "HalvingG" in name or "HalvingR" in name or "IterativeImputer" in name:
            continue  # behind sklearn.experimental, and there in the module itself
        assert hasattr(importlib.import_module(module), attribute), name


def test_the_list_gives_a_reason_for_each_group_and_names_nothing_twice() -> None:
    names = [name for group in TABLE["trusted"] for name in group["names"]]
    assert len(names) == len(set(names))
    assert all(group["reason"] for group in TABLE["trusted"])
    assert not (REFUSED | REFUSED_OF_SCIPY) & set(names)


def test_the_list_is_of_the_version_in_use() -> None:
    gone = "sklearn.compose._column_transformer._RemainderColsList"
    assert gone in trusted_types("1.6")
    assert gone not in trusted_types("1.9")
    assert trusted_types("9.9") == trusted_types(TABLE["versions"][-1])
