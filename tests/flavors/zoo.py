"""A zoo of models of all flavors, each with a sample of a few rows and a seed."""

import inspect
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROWS = 40
COLUMNS = ("age", "calls", "income", "tenure")


@dataclass(frozen=True)
class Member:
    """A kind of model: how to build it from a seed, and the expected verification."""

    name: str
    flavor: str
    make: Callable[[int], tuple[Any, Any]]
    """Returns a model and a sample."""
    status: str = "verified"


def data(seed: int) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Positive numbers, and classes and numbers that depend on them."""
    chance = np.random.default_rng(seed)
    frame = pd.DataFrame(chance.uniform(0.1, 5, (ROWS, len(COLUMNS))), columns=list(COLUMNS))
    score = frame["age"] - frame["calls"] + chance.normal(0, 0.1, ROWS)
    return frame, (score > score.median()).astype("int64"), score.round(3)


def zoo() -> list[Member]:
    """Return all members whose libraries are installed."""
    members = [
        *_sklearn("sklearn"),
        *_sklearn_composed(),
        *(each for each in _sklearn("joblib") if each.name.split(" ")[1] in _PICKLED),
        *_own(),
        *_xgboost(),
        *_lightgbm(),
        *_onnx(),
        *_torch(),
        *_without_predictions(),
    ]
    known = {"generic": "json", "onnx": "onnxruntime"}
    return [each for each in members if find_spec(known.get(each.flavor, each.flavor))]


# Estimators that need other data than a frame of numbers, predict nothing, or are built below.
_APART = frozenset({
    # Only available if a test has enabled them.
    "HalvingGridSearchCV", "HalvingRandomSearchCV", "IterativeImputer",
    "ClassicalMDS", "CountVectorizer", "DictVectorizer", "FeatureHasher", "HashingVectorizer",
    "IsotonicRegression", "KernelCenterer", "LabelBinarizer", "LabelEncoder",
    "MultiLabelBinarizer", "PatchExtractor", "SparseCoder", "TfidfVectorizer",
    "RadiusNeighborsClassifier", "RadiusNeighborsTransformer",
})  # fmt: skip
_PICKLED = frozenset({
    "DecisionTreeClassifier", "HistGradientBoostingRegressor", "KMeans", "LinearRegression",
    "LogisticRegression", "MLPRegressor", "PCA", "Ridge", "StandardScaler", "SVC",
})  # fmt: skip
_SMALL = {
    "n_estimators": 3, "max_iter": 50, "n_init": 1, "cv": 2, "n_components": 2, "n_clusters": 2,
    "random_state": 0, "n_jobs": 1, "max_features": None,
}  # fmt: skip


def _sklearn(flavor: str) -> Iterator[Member]:
    from sklearn.utils import all_estimators

    for name, kind in all_estimators():
        asked = any(hasattr(kind, verb) for verb in ("predict", "transform"))
        if (asked or name == "LocalOutlierFactor") and name not in _APART:
            status = "unsupported" if flavor == "sklearn" and name == "Birch" else "verified"
            yield Member(f"{flavor} {name}", flavor, partial(_fitted, kind), status)


def _fitted(kind: Any, seed: int) -> tuple[Any, Any]:
    frame, classes, numbers = data(seed)
    estimator = kind(**_arguments(kind, seed))
    x, y = _suited(kind.__name__, frame, classes, numbers, estimator)
    estimator.fit(x, y)
    return estimator, x.head(7) if hasattr(x, "head") else x[:7]


def _arguments(kind: Any, seed: int) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression, Ridge

    known = inspect.signature(kind.__init__).parameters
    small = {**_SMALL, "random_state": seed}
    given = {name: value for name, value in small.items() if name in known}
    if "max_features" in given and not kind.__name__.startswith(("Extra", "Random")):
        del given["max_features"]
    regresses = kind.__name__ in {"RegressorChain", "MultiOutputRegressor"}
    inner = Ridge() if regresses else LogisticRegression()
    special: dict[str, dict[str, Any]] = {
        "ColumnTransformer": {"transformers": [("log", _log_step(), ["age"])]},
        "FeatureUnion": {"transformer_list": [("one", _scaler()), ("two", _log_step())]},
        "GridSearchCV": {"estimator": Ridge(), "param_grid": {"alpha": [0.1, 1.0]}},
        "RandomizedSearchCV": {
            "estimator": Ridge(), "param_distributions": {"alpha": [0.1, 1.0]}, "n_iter": 2,
        },
        "Pipeline": {"steps": [("scale", _scaler()), ("fit", LogisticRegression())]},
        "VotingClassifier": {"estimators": [("a", LogisticRegression())]},
        "VotingRegressor": {"estimators": [("a", Ridge())]},
        "StackingClassifier": {"estimators": [("a", LogisticRegression())]},
        "StackingRegressor": {"estimators": [("a", Ridge())]},
        "FrozenEstimator": {"estimator": LogisticRegression().fit(*data(seed)[:2])},
        "GenericUnivariateSelect": {}, "GaussianRandomProjection": {"n_components": 2},
        "SparseRandomProjection": {"n_components": 2}, "LogisticRegressionCV": {"l1_ratios": (0,)},
        "Birch": {"n_clusters": 2}, "SelectFromModel": {"estimator": LogisticRegression()},
        "SelectKBest": {"k": 2}, "SequentialFeatureSelector": {
            "estimator": Ridge(), "n_features_to_select": 2, "cv": 2,
        },
        "OneHotEncoder": {"handle_unknown": "ignore"}, "FunctionTransformer": {"func": np.log1p},
        "RadiusNeighborsRegressor": {"radius": 10.0}, "NearestNeighbors": {},
        "LocalOutlierFactor": {"novelty": True}, "RFE": {"estimator": Ridge()},
        "RFECV": {"estimator": Ridge(), "cv": 2}, "LinearDiscriminantAnalysis": {},
        "ClassifierChain": {"estimator": LogisticRegression()}, "AdditiveChi2Sampler": {},
        "MissingIndicator": {"features": "all"},
        "OrthogonalMatchingPursuitCV": {"cv": 2, "max_iter": 2},
        "SelfTrainingClassifier": {"estimator": LogisticRegression()},
    }  # fmt: skip
    if kind.__name__ in special:
        return special[kind.__name__]
    if "estimator" in known and known["estimator"].default is inspect.Parameter.empty:
        given["estimator"] = inner
    return given


def _log_step() -> Any:
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(np.log1p)


def _scaler() -> Any:
    from sklearn.preprocessing import StandardScaler

    return StandardScaler()


def _suited(
    name: str, frame: pd.DataFrame, classes: pd.Series, numbers: pd.Series, estimator: Any
) -> tuple[Any, Any]:
    """Return inputs and targets that an estimator accepts."""
    if name in {"CategoricalNB", "TfidfTransformer"}:
        return frame.round().astype("int64"), classes
    several = pd.DataFrame({"one": classes, "other": (frame["income"] > 2).astype("int64")})
    if name in {"ClassifierChain", "MultiOutputClassifier"}:
        return frame, several
    if name.startswith(("MultiTask", "RegressorChain", "MultiOutputRegressor", "PLS", "CCA")):
        return frame, pd.DataFrame({"one": numbers, "other": frame["income"]})
    if name in {"GammaRegressor", "PoissonRegressor", "TweedieRegressor"}:
        return frame, numbers.abs() + 0.1
    if name in {"SelectFromModel", "TunedThresholdClassifierCV"} or hasattr(estimator, "classes_"):
        return frame, classes
    regresses = getattr(estimator, "_estimator_type", "") == "regressor" or name in {
        "RFE", "RFECV", "GridSearchCV", "RandomizedSearchCV", "SequentialFeatureSelector",
    }  # fmt: skip
    from sklearn.base import is_regressor

    return frame, numbers if regresses or is_regressor(estimator) else classes


def _sklearn_composed() -> Iterator[Member]:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.compose import TransformedTargetRegressor, make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from sklearn.svm import SVC

    def mixed(seed: int) -> tuple[Any, Any]:
        frame, classes, _ = data(seed)
        frame = frame.assign(plan=np.where(frame["age"] > 2, "gold", "free"))
        frame.loc[3, "income"] = np.nan
        columns = make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["plan"]),
            (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income"]),
        )
        return make_pipeline(columns, LogisticRegression()).fit(frame, classes), frame.head(6)

    def texts(seed: int) -> tuple[Any, Any]:
        frame, classes, _ = data(seed)
        words = frame["age"].map(lambda age: "old gold" if age > 2 else "young free")
        return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(words, classes), words[:5]

    def named_classes(seed: int) -> tuple[Any, Any]:
        frame, classes, _ = data(seed)
        named = classes.map({0: "stays", 1: "leaves"})
        forest = RandomForestClassifier(n_estimators=3, random_state=seed, n_jobs=1)
        return forest.fit(frame, named), frame.head()

    def one_column(seed: int) -> tuple[Any, Any]:
        frame, _, numbers = data(seed)
        return IsotonicRegression(out_of_bounds="clip").fit(frame["age"], numbers), frame["age"][:5]

    def logged(seed: int) -> tuple[Any, Any]:
        frame, _, numbers = data(seed)
        model = TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1)
        return model.fit(frame, numbers.abs()), frame.head()

    def of(estimator: Callable[[], Any], seed: int) -> tuple[Any, Any]:
        frame, classes, _ = data(seed)
        return estimator().fit(frame, classes), frame.head()

    def calibrated(method: str) -> Any:
        return CalibratedClassifierCV(LogisticRegression(), method=method, cv=2)

    made: dict[str, Callable[[int], tuple[Any, Any]]] = {
        "columns of a frame": mixed, "texts": texts, "classes with names": named_classes,
        "one column": one_column, "targets in logarithms": logged,
        "arrays": lambda seed: _with_arrays(LogisticRegression(), seed),
        "calibrated by temperature": partial(of, lambda: calibrated("temperature")),
        "calibrated by isotonic": partial(of, lambda: calibrated("isotonic")),
        "of decisions that break ties": partial(of, lambda: SVC(break_ties=True)),
        "of balanced classes": partial(of, lambda: SVC(class_weight="balanced", gamma=0.3)),
    }  # fmt: skip
    for name, make in made.items():
        yield Member(f"sklearn {name}", "sklearn", make)


def _with_arrays(estimator: Any, seed: int) -> tuple[Any, Any]:
    frame, classes, _ = data(seed)
    return estimator.fit(frame.to_numpy(), classes), frame.to_numpy()[:5]


class AddsARatio:
    """A transformer that modifies its input frame."""

    def fit(self, frame: pd.DataFrame, _: Any = None) -> "AddsARatio":
        self.mean_ = float(frame["age"].mean())
        return self

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        frame["a_by_b"] = frame["age"] / frame["calls"] - self.mean_
        frame.drop(columns=["income"], inplace=True)
        return frame


class AnswersDifferently:
    """A model that predicts random numbers."""

    def __init__(self, width: float = 1.0) -> None:
        self.width = width

    def predict(self, frame: Any) -> Any:
        chance = np.random.default_rng()
        return np.full(len(frame), 5.0) + chance.uniform(0, self.width, len(frame))


class GivesMappings:
    """A model whose outputs are mappings and lists of values that are not arrays."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def predict(self, frame: Any) -> Any:
        return {
            "labels": [f"class {self.seed}"] * len(frame),
            "scores": [0.5, float("nan"), None],
            "frame": frame.assign(seed=self.seed, label=pd.Categorical(["a"] * len(frame))),
        }


def _own() -> Iterator[Member]:
    def of(model: Callable[[int], Any], seed: int) -> tuple[Any, Any]:
        return model(seed), data(seed)[0].head(5)

    yield Member("joblib changes its frame", "joblib",
                 partial(of, lambda seed: AddsARatio().fit(data(seed)[0])))  # fmt: skip
    yield Member(
        "joblib answers differently", "joblib", partial(of, lambda _: AnswersDifferently())
    )
    yield Member("joblib gives mappings", "joblib", partial(of, GivesMappings))


def _xgboost() -> Iterator[Member]:
    def of(kind: str, seed: int, holes: bool = False, **options: Any) -> tuple[Any, Any]:
        import xgboost

        frame, classes, numbers = data(seed)
        if holes:
            frame = frame.mask(frame > 4, options["missing"])
        targets = numbers if kind.endswith("Regressor") else classes
        if options.get("objective") == "multi:softprob":
            targets = (frame["income"] // 2).astype("int64")
        more = {"qid": np.repeat(range(4), ROWS // 4)} if kind == "XGBRanker" else {}
        model = getattr(xgboost, kind)(
            n_estimators=3, max_depth=2, n_jobs=1, random_state=seed, **options
        )
        return model.fit(frame, targets, **more), frame.head(9)

    def booster(seed: int) -> tuple[Any, Any]:
        import xgboost

        frame, classes, _ = data(seed)
        matrix = xgboost.DMatrix(frame, classes)
        return xgboost.train({"nthread": 1, "seed": seed}, matrix, 3), frame.head()

    for kind in ("XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor", "XGBRanker"):
        yield Member(f"xgboost {kind}", "xgboost", partial(of, kind))
    for name in ("dart", "gblinear"):
        for kind in ("XGBClassifier", "XGBRegressor"):
            yield Member(f"xgboost {kind} {name}", "xgboost", partial(of, kind, booster=name))
    yield Member("xgboost Booster", "xgboost", booster)
    yield Member("xgboost three classes", "xgboost",
                 partial(of, "XGBClassifier", objective="multi:softprob"))  # fmt: skip
    yield Member("xgboost missing is -999", "xgboost",
                 partial(of, "XGBClassifier", missing=-999.0, holes=True))  # fmt: skip
    yield Member("xgboost missing is 0", "xgboost",
                 partial(of, "XGBRegressor", missing=0.0, holes=True))  # fmt: skip


def _lightgbm() -> Iterator[Member]:
    def of(kind: str, seed: int, **options: Any) -> tuple[Any, Any]:
        import lightgbm

        frame, classes, numbers = data(seed)
        more = {"group": [10] * 4} if kind == "LGBMRanker" else {}
        model = getattr(lightgbm, kind)(
            n_estimators=3, min_child_samples=2, n_jobs=1, random_state=seed, verbose=-1, **options
        )
        model.fit(frame, numbers if kind == "LGBMRegressor" else classes, **more)
        return model, frame.head(9)

    def categories(seed: int) -> tuple[Any, Any]:
        import lightgbm

        frame, classes, _ = data(seed)
        plans = pd.Categorical(np.where(frame["age"] > 2, "gold", "free"))
        frame = frame.assign(plan=plans)
        model = lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=2, n_jobs=1, verbose=-1)
        return model.fit(frame, classes), frame.head(9)

    for kind in ("LGBMClassifier", "LGBMRegressor", "LGBMRanker"):
        yield Member(f"lightgbm {kind}", "lightgbm", partial(of, kind))
    forest = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.7}
    for name, options in (
        ("dart", {"boosting_type": "dart"}), ("rf", forest), ("linear", {"linear_tree": True}),
    ):  # fmt: skip
        yield Member(f"lightgbm {name}", "lightgbm", partial(of, "LGBMRegressor", **options))
    yield Member("lightgbm categories", "lightgbm", categories)


def _onnx() -> Iterator[Member]:
    def of(operation: str, seed: int, **more: Any) -> tuple[Any, Any]:
        from onnx import TensorProto, helper, numpy_helper

        chance = np.random.default_rng(seed)
        weights = chance.normal(size=(3, 3)).astype("float32")
        binary = operation in {"MatMul", "Add", "Mul", "Gemm", "Sub"}
        graph = helper.make_graph(
            [helper.make_node(operation, ["x", "w"] if binary else ["x"], ["y"], **more)],
            "zoo",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
            [numpy_helper.from_array(weights if operation not in {"Add", "Mul", "Sub"}
                                     else weights[0], "w")] if binary else [],
        )  # fmt: skip
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=10)
        return model, chance.normal(size=(4, 3)).astype("float32")

    for operation in ("MatMul", "Add", "Mul", "Sub", "Gemm", "Relu", "Sigmoid", "Tanh", "Exp"):
        yield Member(f"onnx {operation}", "onnx", partial(of, operation))
    yield Member("onnx Softmax", "onnx", partial(of, "Softmax", axis=1))


def torch_tower(seed: int) -> Any:
    """A custom module, with a buffer that is not in the state dict and with torch's own parts."""
    import torch

    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Dropout(),
        torch.nn.Linear(8, 2), torch.nn.Softmax(dim=1),
    )  # fmt: skip


def _torch() -> Iterator[Member]:
    def of(build: Callable[[Any], Any], shape: tuple[int, ...], seed: int) -> tuple[Any, Any]:
        import torch

        torch.manual_seed(seed)
        return build(torch.nn), torch.randn(shape).numpy()

    layers: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
        "Linear": (lambda nn: nn.Linear(4, 2), (5, 4)),
        "Conv1d": (lambda nn: nn.Conv1d(2, 3, 2), (2, 2, 6)),
        "Conv2d": (lambda nn: nn.Conv2d(1, 2, 3), (2, 1, 5, 5)),
        "LayerNorm": (lambda nn: nn.LayerNorm(4), (3, 4)),
        "GRU": (lambda nn: nn.GRU(3, 4, batch_first=True), (2, 5, 3)),
        "LSTM": (lambda nn: nn.LSTM(3, 4, batch_first=True), (2, 5, 3)),
        "PReLU": (lambda nn: nn.PReLU(), (3, 4)),
        "attention": (
            lambda nn: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), (2, 3, 4),
        ),
    }  # fmt: skip
    for name, (build, shape) in layers.items():
        yield Member(f"torch {name}", "torch", partial(of, build, shape))

    def tower(seed: int) -> tuple[Any, Any]:
        return torch_tower(seed), data(seed)[0].head(3).astype("float32")

    yield Member("torch tower", "torch", tower)


def _without_predictions() -> Iterator[Member]:
    sample = data(0)[0].head()
    arrays = {"weights": np.arange(6.0).reshape(2, 3)}
    yield Member("safetensors arrays", "safetensors", lambda _: (arrays, sample), "not possible")
    yield Member("torch state dict", "torch",
                 lambda seed: (torch_tower(seed).state_dict(), sample), "not possible")  # fmt: skip
    yield Member("mlflow folder", "mlflow", lambda _: (_mlflow_folder(), sample), "not possible")
    yield Member("generic file", "generic", lambda _: (Path(__file__), sample), "not possible")
    yield Member("joblib no sample", "joblib",
                 lambda _: (AnswersDifferently(), None), "not possible")  # fmt: skip


def _mlflow_folder() -> Path:
    folder = Path(tempfile.mkdtemp())
    (folder / "MLmodel").write_text("flavors: {}\n")
    return folder
