"""Validation of the trees of a loaded model: their indices must stay inside the tree.

scikit-learn's compiled code follows a tree's node indices without a bounds check, so a damaged or
crafted file can load and then crash the process at the first ``predict`` (for this reason skops
does not trust trees, see scikit-learn pull request 34558). In a tree that scikit-learn grows, every
child comes after its parent, so a walk ends, and nodes read only features of the training data.

This refuses inconsistent trees. It does not make a file from a hostile author safe to use; for
that, an artifact has a digest and a record of who registered it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pedigree.errors import InvalidArtifactError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BITSET_WORDS = 8  # scikit-learn keeps 256 categories in eight 32-bit words


def check_trees(model: object) -> None:
    """Check every tree anywhere inside a loaded model.

    Raises:
        InvalidArtifactError: A tree has a child that does not come after its parent, or a feature
            that the model does not have, or belongs to no estimator with a number of features.
    """
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import (  # noqa: PLC0415
        BaseHistGradientBoosting,
    )
    from sklearn.ensemble._hist_gradient_boosting.predictor import (  # noqa: PLC0415
        TreePredictor,
    )
    from sklearn.tree._tree import Tree  # noqa: PLC0415

    owned: set[int] = set()
    trees: list[object] = []
    for part in _parts(model):
        if isinstance(part, Tree | TreePredictor):
            trees.append(part)
        elif isinstance(part, BaseHistGradientBoosting) and "_predictors" in vars(part):
            for predictor in _flat(part._predictors):
                _check_predictor(predictor, part)
                owned.add(id(predictor))
        elif isinstance(getattr(part, "tree_", None), Tree):
            _check_tree(part.tree_, _width(part))
            owned.add(id(part.tree_))
        _check_ensemble(part)
    _require(all(id(tree) in owned for tree in trees), "a tree belongs to no estimator")


def _check_ensemble(part: Any) -> None:
    """Check that widths agree: forests and boosting pass their input to the trees unchecked."""
    from sklearn.ensemble._bagging import BaseBagging  # noqa: PLC0415
    from sklearn.ensemble._forest import BaseForest  # noqa: PLC0415
    from sklearn.ensemble._gb import BaseGradientBoosting  # noqa: PLC0415

    if not isinstance(part, BaseForest | BaseGradientBoosting | BaseBagging):
        return
    for member in _flat(getattr(part, "estimators_", ())):
        if hasattr(member, "tree_"):
            _require(member.tree_.n_features <= _width(part), "a tree is wider than its ensemble")


def _check_tree(tree: Any, width: int) -> None:
    left, right = tree.children_left, tree.children_right
    inner = (left != -1).nonzero()[0]
    _require(tree.node_count > 0, "a tree has no nodes")
    _require(tree.n_features == width, "a tree and its estimator differ in their features")
    _check_children(inner, (left[inner], right[inner]), tree.node_count)
    _check_features(tree.feature[inner], width)
    _require(_depth(left, right) <= tree.max_depth, "a tree is deeper than its max_depth")


def _check_predictor(predictor: Any, owner: Any) -> None:
    nodes, width = predictor.nodes, _width(owner)
    inner = (nodes["is_leaf"] == 0).nonzero()[0]
    features = nodes["feature_idx"][inner].astype("int64")
    _require(len(nodes) > 0, "a tree has no nodes")
    children = [nodes[side][inner].astype("int64") for side in ("left", "right")]
    _check_children(inner, children, len(nodes))
    _check_features(features, width)
    by_category = nodes["is_categorical"][inner] != 0
    if by_category.any():
        bitsets = predictor.raw_left_cat_bitsets
        _require(bitsets.shape[1:] == (_BITSET_WORDS,), "a tree's categories have the wrong shape")
        rows = nodes["bitset_idx"][inner][by_category]
        _require(bool((rows < len(bitsets)).all()), "a tree refers to categories that it lacks")
        categorical = owner._bin_mapper.is_categorical_
        _require(
            len(categorical) == width and bool((categorical[features[by_category]] != 0).all()),
            "a tree treats a numeric feature as categorical",
        )


def _check_children(
    parents: "NDArray[np.int64]", children: Iterable["NDArray[np.int64]"], count: int
) -> None:
    for side in children:
        inside = (side > parents) & (side < count)
        _require(bool(inside.all()), "a node's child does not come after it")


def _check_features(features: "NDArray[np.int64]", width: int) -> None:
    valid = (features >= 0) & (features < width)
    _require(bool(valid.all()), "a node reads a feature that the model does not have")


def _depth(left: "NDArray[np.int64]", right: "NDArray[np.int64]") -> int:
    """Return the length of the longest path; it ends because children come after parents."""
    import numpy as np  # noqa: PLC0415

    depth, level = 0, np.zeros(1, dtype=np.int64)
    while True:
        inner = level[left[level] != -1]
        if not len(inner):
            return depth
        # Visit a node with two parents once per level: a forged tree could take exponential time.
        level = np.unique(np.concatenate([left[inner], right[inner]]))
        depth += 1


def _width(estimator: Any) -> int:
    width = getattr(estimator, "n_features_in_", None)
    _require(isinstance(width, int), "an estimator with trees has no n_features_in_")
    return int(width or 0)


def _parts(model: object) -> Iterator[Any]:
    """Yield every object inside a model, once."""
    waiting, seen = [model], {id(None)}
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, str | bytes | int | float):
            continue
        seen.add(id(part))
        yield part
        waiting.extend(_content(part))


def _content(part: Any) -> Iterator[object]:
    if isinstance(part, Mapping):
        yield from part.values()
    elif isinstance(part, list | tuple | set | frozenset):
        yield from part
    elif getattr(getattr(part, "dtype", None), "kind", "") == "O" and hasattr(part, "ravel"):
        yield from part.ravel().tolist()
    if hasattr(part, "__dict__") and not isinstance(part, type):
        yield from vars(part).values()


def _flat(trees: Any) -> Iterator[Any]:
    """Yield the trees of a list, a list of lists or an array."""
    if hasattr(trees, "ravel"):
        trees = trees.ravel().tolist()
    for tree in trees:
        if isinstance(tree, list | tuple):
            yield from tree
        else:
            yield tree


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InvalidArtifactError(
            f"the model cannot be used: {otherwise}",
            field="path",
            remedy="Save the model again where it was trained; this file is damaged or forged",
        )
