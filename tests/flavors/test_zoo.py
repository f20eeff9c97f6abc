"""The law of all flavors: a saved model predicts in a new process what the original predicts.

The members of the zoo are loaded by one new process here; the law itself starts one for each.
"""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pedigree.errors import PedigreeError
from pedigree.flavors._answers import Leaf
from pedigree.flavors._new_process import folder_digest
from pedigree.flavors.plugins import flavor_names, get_flavor, save_model
from pedigree.flavors.verification import _answer, _ImpossibleError
from tests.flavors.verifying import verify_all
from tests.flavors.zoo import Member, zoo

# With such small data, libraries warn that they did not converge or that a feature is constant.
pytestmark = pytest.mark.filterwarnings("ignore")


NOISY = "joblib answers differently"


@cache
def whole_zoo() -> list[Member]:
    """The zoo, which is made when a test first uses it: that imports all libraries."""
    return zoo()


def steady() -> list[Member]:
    """Those without what answers the same sample differently, for which no digest could stand."""
    return [
        member for member in whole_zoo() if member.status == "verified" and member.name != NOISY
    ]


def some() -> list[Member]:
    """One of ten, all that are not verified, and the one that answers differently."""
    return [
        member
        for index, member in enumerate(whole_zoo())
        if index % 10 == 0 or member.status != "verified" or member.name == NOISY
    ]


def require_the_law(members: list[Member], seed: int, folder: Path) -> None:
    seen = verify_all(members, seed, folder)
    assert len(seen) == len(members)
    other = {each.member.name: (each.status, each.why) for each in seen
             if each.status != each.member.status}  # fmt: skip
    assert other == {}
    assert all(each.why for each in seen if each.status != "verified")
    (noisy,) = (each for each in seen if each.member.name == NOISY)
    assert "within their spread of" in noisy.why


def test_the_zoo_is_large_and_has_all_flavors() -> None:
    names = [member.name for member in whole_zoo()]
    assert len(set(names)) == len(names) >= 120
    assert len(steady()) >= 120
    missing = set(flavor_names()) - {member.flavor for member in whole_zoo()}
    assert missing <= {"torch", "onnx"}  # not available everywhere


def test_saved_models_predict_what_their_models_predict(tmp_path: Path) -> None:
    require_the_law(some(), 3, tmp_path)


@pytest.mark.system
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(3, 6))
def test_saved_models_predict_what_their_models_predict_for_any_data(
    seed: int, tmp_path: Path
) -> None:
    require_the_law(whole_zoo(), seed, tmp_path)


def changed(value: object) -> object:
    """Return a different value of the same type, for a parameter of an estimator."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return -999.0 if np.isnan(value) else value * 0.5 + 0.1
    return value


def variants(member: Member, seed: int, choice: int) -> tuple[list[Any], Any]:
    """Return a model, the same model trained again, and one with another parameter or data."""
    model, sample = member.make(seed)
    again, _ = member.make(seed)
    other = copy.deepcopy(model) if hasattr(model, "set_params") else member.make(seed + 1)[0]
    if hasattr(model, "set_params"):
        parameters = model.get_params(deep=False)
        plain = [name for name, value in parameters.items()
                 if isinstance(value, bool | int | float)]  # fmt: skip
        if plain:
            name = plain[choice % len(plain)]
            other.set_params(**{name: changed(parameters[name])})
    return [model, again, other], sample


def require_equal_answers_of_equal_bytes(
    member: Member, seed: int, choice: int, folder: Path
) -> None:
    models, sample = variants(member, seed, choice)
    flavor = get_flavor(member.flavor)
    seen: dict[str, list[Leaf]] = {}
    for index, model in enumerate(models):
        try:
            answer = _answer(flavor, model, sample)
            files = save_model(model, member.flavor, folder / str(index))
        except (PedigreeError, _ImpossibleError):
            continue  # the estimator does not accept this value, or cannot predict with it
        known = seen.setdefault(folder_digest(files), answer)
        assert known == answer, f"{member.name}: equal bytes, other predictions"


LAW = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    # The parts of an example are independent, so shrinking would say no more.
    phases=[Phase.generate],
)
CASES = given(
    member=st.deferred(lambda: st.sampled_from(steady())),
    seed=st.integers(0, 1000),
    choice=st.integers(0, 30),
)


@settings(LAW, max_examples=15)
@CASES
def test_equal_bytes_predict_the_same(
    tmp_path_factory: pytest.TempPathFactory, member: Member, seed: int, choice: int
) -> None:
    folder = tmp_path_factory.mktemp("models")
    require_equal_answers_of_equal_bytes(member, seed, choice, folder)


@pytest.mark.system
@pytest.mark.timeout(3600)
@settings(LAW, max_examples=400)
@CASES
def test_equal_bytes_predict_the_same_for_many_models(
    tmp_path_factory: pytest.TempPathFactory, member: Member, seed: int, choice: int
) -> None:
    folder = tmp_path_factory.mktemp("models")
    require_equal_answers_of_equal_bytes(member, seed, choice, folder)
