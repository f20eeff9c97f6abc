"""A saved model is loaded in a new process, and registered if it predicts what the model does."""

import os
import subprocess
import sys
import types
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pedigree.errors import UntrustedModelError, UnverifiedModelError
from pedigree.flavors import _process_start
from pedigree.flavors._layout import laid_out_as_loaded
from pedigree.flavors.records import NO_LIVE_MODEL, Verification, VerificationStatus
from pedigree.registry import Registry
from pedigree.signatures.records import Column, ColumnType
from tests.factories import SIGNATURE, artifact
from tests.flavors import saved_models as models
from tests.flavors.models import CHURNED, ROWS, arrays, torch_model
from tests.flavors.test_all import ROOT, needs
from tests.flavors.test_register_model import PREDICTING, linear_model
from tests.flavors.test_register_model import _a_known_commit_and_no_ci as _known_commit  # noqa: F401

# An array, so that a new process does not import pandas for it.
FEW = np.ones((40, 1))
VERIFIED = Verification(status=VerificationStatus.VERIFIED)
SKIPPED = Verification(status=VerificationStatus.SKIPPED)


OF_A_PROGRAM = """
import pickle, sys
from datetime import timedelta
from pathlib import Path
import numpy as np
from pedigree.errors import UnverifiedModelError
from pedigree.flavors.verification import verify_saved

class Typed:
    def predict(self, rows):
        return rows.sum(axis=1)

folder = Path(sys.argv[1])
folder.mkdir()
(folder / "model.pkl").write_bytes(pickle.dumps(Typed()))
try:
    verify_saved("joblib", folder, Typed(), np.ones((2, 2)), timeout=timedelta(minutes=1))
except UnverifiedModelError as error:
    print("UnverifiedModelError", error)
"""


def register(registry: Registry, model: object, **more: Any) -> Verification:
    """Register a model with the flavor joblib, and return the verification of its training."""
    given = {"flavor": "joblib", "sample": FEW, "run_id": "nb", **more}
    done = registry.register_model("churn", model, **given)
    found = {each.training_id: each.verification for each in registry.trainings("churn/1")}
    assert done.version.verification == registry.get("churn/1").verification
    return found[done.training_id]


@pytest.fixture
def refused(registry: Registry) -> Callable[..., UnverifiedModelError]:
    """Return a function that registers a model, and returns the error with which it is refused."""

    def refuse(model: object, **more: Any) -> UnverifiedModelError:
        with pytest.raises(UnverifiedModelError) as error:
            register(registry, model, **more)
        assert error.value.exit_code == 2
        assert registry.models() == ()
        return error.value

    return refuse


@pytest.mark.parametrize("flavor", PREDICTING)
def test_a_model_that_predicts_the_same_in_a_new_process_is_verified(
    flavor: str, registry: Registry
) -> None:
    needs(flavor)
    make, sample, _, _ = PREDICTING[flavor]
    sample = np.ones((3, 2), dtype="float32") if flavor == "onnx" else sample
    assert register(registry, make(), flavor=flavor, sample=sample) == VERIFIED


def test_a_model_that_predicts_differently_is_refused_with_both_values(
    refused: Callable[..., UnverifiedModelError],
) -> None:
    error = refused(models.ForgetsItsValue(2.25))
    assert (error.expected, error.found) == ("2.25", "0.5")
    assert "at predict[0] and at 39 more of 40 the model returns 2.25" in str(error)
    assert "return 0.5" in str(error)
    form = refused(models.GivesIntegersOnceLoaded(2.0))
    assert "float64 [40]" in str(form)
    assert "int64 [40]" in str(form)


def test_a_different_sign_of_zero_is_a_difference(
    refused: Callable[..., UnverifiedModelError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.ForgetsItsValue, "__getstate__", lambda _: {"value": -0.0})
    error = refused(models.ForgetsItsValue(0.0))
    assert (error.expected, error.found) == ("0.0", "-0.0")


def test_a_model_with_varying_predictions_is_compared_within_its_spread(
    registry: Registry,
) -> None:
    found = register(registry, models.Draws(0.25))
    assert found.status is VerificationStatus.VERIFIED
    assert found.spread is not None
    assert 0.1 < found.spread <= 0.25
    assert found.reason == (
        "the model's own predictions vary, between calls or with the memory layout of its arrays;"
        " compared within their spread of"
        f" {found.spread:.6g}"
    )
    more: dict[str, Any] = {
        "flavor": "joblib",
        "sample": FEW,
        "signature": SIGNATURE,
        "run_id": "1",
    }
    labels = registry.register_model("labels", models.DrawsLabels(), **more).version.verification
    assert (labels.status, labels.spread) == (VerificationStatus.VERIFIED, None)
    assert "within these values" in str(labels.reason)


def test_predictions_beyond_the_spread_of_the_model_are_refused(
    refused: Callable[..., UnverifiedModelError],
) -> None:
    assert "beyond the model's own spread of 0.0" in str(refused(models.Draws(0.01, 1000.0)))


def test_a_different_memory_layout_after_loading_is_no_difference(registry: Registry) -> None:
    from sklearn.decomposition import IncrementalPCA

    rows = np.random.default_rng(4).uniform(0.1, 5, (40, 4))
    model = IncrementalPCA(n_components=2).fit(rows)
    strides = model.components_.strides
    found = register(registry, model, flavor="sklearn", sample=rows[:7])
    assert found.status is VerificationStatus.VERIFIED
    assert (found.spread or 0.0) < 1e-12
    assert model.components_.strides == strides


def test_only_strided_arrays_are_replaced_and_they_are_restored() -> None:
    model = models.Constant()
    slices, whole = np.arange(12.0).reshape(3, 4)[:, :2], np.arange(4.0)
    model.parts = [{"inner": models.Constant(slices)}, whole]  # type: ignore[attr-defined, arg-type]
    inner = model.parts[0]["inner"]  # type: ignore[attr-defined]
    with laid_out_as_loaded(model) as differs:
        assert differs
        assert inner.value is not slices
        assert inner.value.flags.c_contiguous
        assert np.array_equal(inner.value, slices)
        assert model.parts[1] is whole  # type: ignore[attr-defined]
    assert inner.value is slices
    with laid_out_as_loaded(models.Constant()) as differs:
        assert not differs


def test_a_class_that_only_this_process_has_does_not_load(
    refused: Callable[..., UnverifiedModelError], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = type("Typed", (models.Constant,), {})
    made = types.ModuleType("made_in_memory")
    made.Typed = typed  # type: ignore[attr-defined]  # as exec() in a notebook does
    monkeypatch.setitem(sys.modules, "made_in_memory", made)
    monkeypatch.setattr(typed, "__module__", "made_in_memory")
    error = refused(typed())
    assert "No module named 'made_in_memory'" in str(error)
    assert "of importable modules" in str(error)


def test_a_class_of_the_main_program_does_not_load_elsewhere(tmp_path: Path) -> None:
    """This includes a flavor that can save it: there ``__main__`` is another program."""
    program = tmp_path / "program.py"
    program.write_text(OF_A_PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "model")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "UnverifiedModelError" in done.stdout
    assert "Can't get attribute 'Typed' on <module '__main__'" in done.stdout


def test_code_that_is_bundled_with_an_mlflow_model_is_not_importable(
    refused: Callable[..., UnverifiedModelError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)
    (code.parent / "MLmodel").write_text("flavors: {}")
    (code / "code_of_an_mlflow_model.py").write_text(
        "class Half:\n    def predict(self, frame):\n        return frame['age'] / 2\n"
    )
    monkeypatch.syspath_prepend(str(code))
    import code_of_an_mlflow_model  # type: ignore[import-not-found]

    assert str(code) in sys.path
    assert "No module named 'code_of_an_mlflow_model'" in str(
        refused(code_of_an_mlflow_model.Half(), sample=ROWS)
    )
    monkeypatch.delitem(sys.modules, "code_of_an_mlflow_model")


def test_a_module_next_to_the_program_is_found_after_its_folder_left_the_path(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As Dagster does with the working directory of a code location.
    (tmp_path / "features_of_mine.py").write_text(
        "class Half:\n    def predict(self, frame):\n        return frame['age'] / 2\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import features_of_mine  # type: ignore[import-not-found]

    sys.path.remove(str(tmp_path))
    assert register(registry, features_of_mine.Half(), sample=ROWS) == VERIFIED
    monkeypatch.delitem(sys.modules, "features_of_mine")


def test_verification_needs_no_trust_but_loading_the_version_does(registry: Registry) -> None:
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    model = make_pipeline(FunctionTransformer(models.halved), LinearRegression())
    model.fit(ROWS, CHURNED)
    assert register(registry, model, flavor="sklearn", sample=ROWS) == VERIFIED
    with pytest.raises(UntrustedModelError, match=r"saved_models\.halved"):
        registry.load("churn/1")


def test_the_error_of_a_failed_process_has_its_stderr_without_secrets(
    refused: Callable[..., UnverifiedModelError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEDIGREE_TOKEN", "pdg_of_this_process")
    monkeypatch.setenv("PEDIGREE_GREETING", "a setting of no use there")
    monkeypatch.setenv("CLOUD_SECRET", "hunter2hunter2")
    monkeypatch.setenv("SOME_PLACE", "postgresql://ann:sesame@db/registry")
    monkeypatch.setenv("ZZ_LAST", "is shown")
    text = str(refused(models.Speaks()))
    assert "cannot be loaded with ***" in text
    assert "is shown" in text
    for secret in ("pdg_of_this_process", "hunter2hunter2", "sesame", "of no use there"):
        assert secret not in text


def test_a_process_that_exits_or_hangs_is_an_error(
    refused: Callable[..., UnverifiedModelError],
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "exited with -9" in str(refused(models.Crashes()))
    hasty = registry.settings.model_copy(update={"verify_timeout": timedelta(seconds=2)})
    monkeypatch.setattr(registry.context, "settings", hasty)
    error = refused(models.NeverLoads())
    assert "more than 2 s" in str(error)
    assert "PEDIGREE_VERIFY_TIMEOUT" in str(error)


def test_output_of_the_new_process_is_ignored(registry: Registry) -> None:
    assert register(registry, models.IsLoud()) == VERIFIED


def test_files_that_loading_changes_are_refused(
    refused: Callable[..., UnverifiedModelError],
) -> None:
    assert "loading the saved files changes them" in str(refused(models.WritesBeside()))


def test_verification_can_be_skipped_and_the_training_records_it(registry: Registry) -> None:
    assert register(registry, models.ForgetsItsValue(2.0), verify=False) == SKIPPED


def test_the_training_records_why_verification_is_not_possible(
    registry: Registry, tmp_path: Path
) -> None:
    def of(name: str, model: object, flavor: str, sample: object = FEW) -> Verification:
        more: dict[str, Any] = {"flavor": flavor, "signature": SIGNATURE, "run_id": "1"}
        return registry.register_model(name, model, sample=sample, **more).version.verification

    path = registry.register(
        "path", artifact(tmp_path), flavor="generic", signature=SIGNATURE, run_id="1"
    )
    found = [
        of("no-sample", models.Constant(), "joblib", None),
        of("arrays", arrays(), "safetensors"),
        of("file", tmp_path, "generic"),
        path.version.verification,
        of("opaque", Opaque(), "joblib"),
    ]
    assert {each.status for each in found} == {VerificationStatus.NOT_POSSIBLE}
    assert [each.reason for each in found] == [
        "no sample was given",
        "the flavor safetensors cannot predict: dict is only arrays, which cannot be called",
        "the flavor generic cannot predict: PosixPath is a path of files, which cannot be called",
        NO_LIVE_MODEL.reason,
        "the model's output cannot be compared: it holds a value of the type object",
    ]


class Opaque:
    """Its output cannot be compared with anything."""

    def predict(self, frame: Any) -> Any:
        return object()


def test_a_state_dict_cannot_predict_and_a_module_can(registry: Registry) -> None:
    needs("torch")
    ones = np.ones((3, 2), dtype="float32")
    net = torch_model()
    assert register(registry, net, flavor="torch", sample=ones) == VERIFIED
    state = registry.register_model(
        "state", net.state_dict(), flavor="torch", sample=ones, signature=SIGNATURE, run_id="1"
    ).version.verification
    assert state.status is VerificationStatus.NOT_POSSIBLE
    assert "tensors cannot be called" in str(state.reason)


def test_a_version_is_verified_if_one_of_its_trainings_is(registry: Registry) -> None:
    model = linear_model()
    more = {"sample": ROWS}
    assert register(registry, model, verify=False, run_id="1", **more) == SKIPPED
    assert registry.get("churn/1").verification == SKIPPED
    assert register(registry, model, run_id="2", **more) == VERIFIED
    assert register(registry, model, verify=False, run_id="3", **more) == SKIPPED
    assert registry.get("churn/1").verification == VERIFIED
    (found,) = registry.search("flavor = 'joblib'").records
    assert found.verification == VERIFIED
    verifications = [each.verification for each in registry.trainings("churn/1")]
    assert verifications == [SKIPPED, VERIFIED, SKIPPED]


@pytest.mark.parametrize("flavor", ["sklearn", "joblib"])
def test_the_signature_describes_the_caller_s_frame_which_is_not_modified(
    flavor: str, registry: Registry
) -> None:
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    frame = ROWS.copy()
    model = make_pipeline(models.AddsARatio(), LinearRegression()).fit(ROWS.copy(), CHURNED)
    if flavor == "sklearn":
        model = models_of_sklearn(model)
    version = registry.register_model(
        "churn", model, flavor=flavor, sample=frame, run_id="1"
    ).version
    assert version.signature.inputs == (
        Column(name="age", type=ColumnType.DOUBLE),
        Column(name="calls", type=ColumnType.LONG),
    )
    pd.testing.assert_frame_equal(frame, ROWS)
    assert version.verification == VERIFIED


def models_of_sklearn(model: Any) -> Any:
    """Return the same pipeline with a transformer that skops can save."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    return make_pipeline(FunctionTransformer(adds_a_ratio), model[-1])


def adds_a_ratio(frame: Any) -> Any:
    """Modify a frame in place, and return it."""
    return models.AddsARatio().transform(frame)


def test_the_search_path_is_that_of_this_process() -> None:
    path = _process_start.search_path()
    own = dict.fromkeys(str(Path(entry).absolute()) for entry in sys.path)
    assert path[: len(own)] == list(own)
    assert len(set(path)) == len(path)
