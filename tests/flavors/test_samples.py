"""The error for a rejected sample names the column or the dtype, and the remedy."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from pedigree.errors import InvalidSampleError, InvalidSignatureError
from pedigree.flavors._predict import fresh
from pedigree.flavors.plugins import get_flavor
from pedigree.flavors.samples import require_rows
from tests.flavors import saved_models
from tests.flavors.models import MODELS, ROWS, onnx_model, torch_model
from tests.flavors.test_all import needs
from tests.flavors.test_register_model import linear_model


def refusal(flavor: str, model: Any, sample: object) -> InvalidSampleError:
    """Return the error with which signature inference and prediction reject a sample."""
    with pytest.raises(InvalidSampleError) as error:
        get_flavor(flavor).answers(model, sample)
    if flavor != "onnx":  # a graph states its signature, and is not asked for it
        with pytest.raises(InvalidSampleError) as again:
            get_flavor(flavor).infer_signature(model, sample)
        assert str(again.value) == str(error.value)
    assert error.value.exit_code == 2
    assert error.value.field == "sample"
    assert error.value.remedy
    return error.value


def model_of(flavor: str) -> Any:
    needs(flavor)
    return linear_model() if flavor in {"sklearn", "joblib"} else MODELS[flavor][1]()


NAMING = ("sklearn", "joblib", "xgboost", "lightgbm")


@pytest.mark.parametrize("flavor", NAMING)
def test_the_index_column_of_a_csv_is_named(flavor: str, tmp_path: Path) -> None:
    ROWS.to_csv(tmp_path / "rows.csv")
    error = refusal(flavor, model_of(flavor), pd.read_csv(tmp_path / "rows.csv"))
    assert "it has the column 'Unnamed: 0', which the model was not trained with" in str(error)
    assert error.remedy == "Write the CSV file with index=False, or drop 'Unnamed: 0'"


@pytest.mark.parametrize("flavor", NAMING)
def test_a_column_too_many_or_too_few_is_named(flavor: str) -> None:
    model = model_of(flavor)
    error = refusal(flavor, model, ROWS.assign(plan=1.0))
    assert "it has the column 'plan', which the model was not trained with" in str(error)
    assert error.remedy == "Drop 'plan' from the sample"
    assert "it lacks 'calls'" in str(refusal(flavor, model, ROWS[["age"]]))


@pytest.mark.parametrize("flavor", ["sklearn", "xgboost"])
def test_columns_in_the_wrong_order_are_named_in_the_right_order(flavor: str) -> None:
    error = refusal(flavor, model_of(flavor), ROWS[["calls", "age"]])
    assert error.remedy == "Give them in the order of the training data: 'age', 'calls'"


def test_columns_are_counted_if_the_model_has_no_names() -> None:
    model = saved_models.TakesTwoColumns()
    error = refusal("joblib", model, ROWS.assign(plan=1.0))
    assert "it has 3 columns, 'age', 'calls', 'plan', but the model expects 2" in str(error)
    assert error.remedy == "Give only the columns of the training data"
    assert "index=False" in str(refusal("joblib", model, ROWS.reset_index()))


@pytest.mark.parametrize("flavor", ["sklearn", "xgboost", "lightgbm"])
def test_a_column_of_strings_is_named_with_its_dtype(flavor: str) -> None:
    sample = ROWS.assign(calls=[f"{calls} calls" for calls in ROWS["calls"]])
    assert "'calls' is" in str(refusal(flavor, model_of(flavor), sample.astype({"calls": object})))
    assert "'calls' is object" in str(
        refusal(flavor, model_of(flavor), sample.astype({"calls": object}))
    )


@pytest.mark.parametrize(
    "sample",
    [
        ROWS.head(0),
        np.ones((0, 2)),
        pl.DataFrame({"age": [1.0]}).head(0),
        {"x": np.ones((0, 2))},
        ROWS["age"].head(0),
    ],
    ids=["frame", "array", "polars", "mapping", "series"],
)
def test_a_sample_without_rows_is_refused_before_any_call(sample: object) -> None:
    assert "no rows" in str(refusal("joblib", saved_models.Constant(), sample))
    with pytest.raises(InvalidSampleError, match="Give one or more rows"):
        require_rows(sample)


def test_a_float_dtype_that_a_network_does_not_accept_is_named() -> None:
    needs("torch")
    error = refusal("torch", torch_model(), np.ones((3, 2)))
    assert "it is float64, but the model expects float32" in str(error)
    assert error.remedy == "Convert the sample to float32, such as with .astype('float32')"
    by_column = refusal("torch", torch_model(), ROWS)
    assert "'age' is float64, but the model expects float32" in str(by_column)


def test_a_float_dtype_that_a_graph_does_not_accept_is_named() -> None:
    needs("onnx")
    error = refusal("onnx", onnx_model(), {"x": np.ones((3, 2))})
    assert "'x' is float64, but the model expects float32" in str(error)


def test_an_output_dtype_that_numpy_lacks_is_named() -> None:
    needs("torch")
    import torch

    net = torch_model().to(torch.bfloat16)
    with pytest.raises(InvalidSignatureError) as error:
        get_flavor("torch").infer_signature(net, torch.ones((3, 2), dtype=torch.bfloat16))
    assert error.value.exit_code == 2
    assert "bfloat16" in str(error.value)
    assert "such as with .float()" in str(error.value)
    # Their bits are still compared.
    sample = torch.ones((3, 2), dtype=torch.bfloat16)
    assert get_flavor("torch").answers(net, sample)


def test_an_unexplained_error_is_quoted_with_the_sample_s_shape() -> None:
    class Fails:
        def predict(self, frame: Any) -> Any:
            raise KeyError("no such thing")

    error = refusal("joblib", Fails(), ROWS)
    assert "it is a DataFrame of the shape [40, 2] with 'age': float64, 'calls': int64" in str(
        error
    )
    assert "KeyError: 'no such thing'" in str(error)


def test_a_sample_that_cannot_be_copied_is_refused() -> None:
    with pytest.raises(InvalidSampleError, match="cannot be copied"):
        fresh(row for row in [1])


def test_all_parts_of_a_module_keep_their_mode() -> None:
    needs("torch")
    import torch

    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout())
    net.train()
    net[1].eval()
    get_flavor("torch").infer_signature(net, np.ones((3, 2), dtype="float32"))
    assert (net.training, net[0].training, net[1].training) == (True, True, False)
