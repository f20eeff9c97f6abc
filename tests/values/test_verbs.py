"""No verb lets a bad value in, and nothing but a typed error comes out of one."""

from pathlib import Path

import pytest

from pedigree.audit.log import feed_head
from pedigree.contract.verbs import RegistryVerbs
from pedigree.errors import PedigreeError, UnavailableError
from pedigree.registry import Registry
from tests.factories import register
from tests.values.bad import bad_calls, strange_calls, targets, verbs

BAD_VALUES = 2_000
STRANGE_VALUES = 1_000


def problems_of(registry: RegistryVerbs, calls: int) -> list[str]:
    """What came out of calls with bad values, except errors that say so."""
    found = []
    for verb, arguments in bad_calls(calls):
        shown = {name: repr(value)[:60] for name, value in arguments.items()}
        try:
            result = getattr(registry, verb)(**arguments)
        except UnavailableError as error:
            found.append(f"{verb} {shown}: {error!r}")
        except PedigreeError as error:
            str(error).encode()  # a message can be written
            if error.exit_code != 2:
                found.append(f"{verb} {shown}: {error!r}")
        except Exception as error:  # what is tested
            found.append(f"{verb} {shown}: {error!r}")
        else:
            found.append(f"{verb} {shown} returned {result!r}"[:300])
    return found


def test_of_2000_bad_values_each_is_refused_by_a_typed_error_and_nothing_is_written(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    register(registry, tmp_path, "a")
    before = feed_head(registry.database)
    assert problems_of(registry, BAD_VALUES) == []
    assert feed_head(registry.database) == before
    assert {each.verb for each in targets()} >= {name for name in verbs() if name not in NO_VALUES}


def untyped_of(registry: RegistryVerbs, calls: int) -> list[str]:
    """The errors of calls with strange values that are not of Pedigree, or name no cause."""
    found = []
    for verb, arguments in strange_calls(calls):
        shown = {name: repr(value)[:60] for name, value in arguments.items()}
        try:
            result = getattr(registry, verb)(**arguments)
            if verb == "stream":
                b"".join(result[1])
            elif verb == "rename_model":
                registry.rename_model(result.name, "churn")  # for the next calls
        except PedigreeError as error:
            if isinstance(error, UnavailableError) or type(error) is PedigreeError:
                found.append(f"{verb} {shown}: {error!r}")
        except Exception as error:  # what is tested
            found.append(f"{verb} {shown}: {error!r}")
        if verb.startswith(("delete", "gc")):
            undo(registry)
    return found


def undo(registry: RegistryVerbs) -> None:
    """Restore what a call deleted, for the next calls."""
    registry.restore_model("churn", reason="for the next call")
    registry.restore("churn/1", reason="for the next call")


@pytest.mark.system
def test_a_value_from_the_ends_of_its_type_has_an_answer_or_a_typed_error(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    register(registry, tmp_path, "a")
    assert untyped_of(registry, STRANGE_VALUES) == []


NO_VALUES = {"each_model", "plan_gc", "gc", "stats", "whoami"}
"""Verbs that take nothing, or only what another verb returned."""
