"""Texts that Postgres cannot store are refused by a typed error, at the verbs and below them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pedigree.errors import InvalidInputError, PedigreeError
from pedigree.registry import Registry
from tests.factories import register

BAD = ("a\0b", "\0", "\ud800", "x\udfff")
Call = Callable[[Registry, str], object]
VERBS: dict[str, Call] = {
    "update: value of a tag": lambda r, bad: r.update("churn/1", tags={"a": bad}),
    "update: key of a tag": lambda r, bad: r.update("churn/1", tags={bad: "a"}),
    "update: removed tag": lambda r, bad: r.update("churn/1", tags={bad: None}),
    "update: description": lambda r, bad: r.update("churn/1", description=bad),
    "update_model: value of a tag": lambda r, bad: r.update_model("churn", tags={"a": bad}),
    "update_model: key of a tag": lambda r, bad: r.update_model("churn", tags={bad: "a"}),
    "update_model: description": lambda r, bad: r.update_model("churn", description=bad),
    "update_model: owner": lambda r, bad: r.update_model("churn", owners=[bad]),
    "create_model: tag": lambda r, bad: r.create_model("new", tags={"a": bad}),
    "create_model: description": lambda r, bad: r.create_model("new", description=bad),
    "create_model: name": lambda r, bad: r.create_model(bad),
    "rename_model: name": lambda r, bad: r.rename_model("churn", bad),
    "set_alias: reason": lambda r, bad: r.set_alias("churn", "best", 1, reason=bad),
    "set_alias: alias": lambda r, bad: r.set_alias("churn", bad, 1),
    "delete_alias: reason": lambda r, bad: r.delete_alias("churn", "best", reason=bad),
    "set_tag: key": lambda r, bad: r.set_tag("churn", bad, "a"),
    "set_tag: value": lambda r, bad: r.set_tag("churn/1", "a", bad),
    "delete_tag: key": lambda r, bad: r.delete_tag("churn/1", bad),
}
# What a protocol of another registry calls, which the entrance of verbs does not check.
OPERATIONS: dict[str, Call] = {
    "create_model: tag": lambda r, bad: r.operations.models.add_model(
        "new", tags={"a": bad}, recreate=True
    ),
    "create_model: description": lambda r, bad: r.operations.models.add_model(
        "new", description=bad, recreate=True
    ),
    "create_model: name": lambda r, bad: r.operations.models.add_model(bad, recreate=True),
    "rename_model: name": lambda r, bad: r.operations.models.move_name("churn", bad, recreate=True),
    "update_model: tag": lambda r, bad: r.operations.models.update_model("churn", tags={bad: "a"}),
    "update: tag": lambda r, bad: r.operations.versions.update("churn/1", tags={"a": bad}),
    "set_alias: reason": lambda r, bad: r.operations.aliases.set_alias(
        "churn", "best", 1, reason=bad
    ),
    "delete_alias: reason": lambda r, bad: r.operations.aliases.delete_alias(
        "churn", "held", reason=bad
    ),
    "set_tag: key": lambda r, bad: r.operations.tags.set_tag("churn", bad, "a"),
    "set_tag: value": lambda r, bad: r.operations.tags.set_tag("churn/1", "a", bad),
    "delete_tag: key": lambda r, bad: r.operations.tags.delete_tag("churn/1", bad),
}


def test_no_change_of_texts_lets_an_error_of_the_driver_out(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path)
    registry.set_alias("churn", "held", 1)
    found = []
    for kind, calls in (("verb", VERBS), ("operation", OPERATIONS)):
        for what, call in calls.items():
            for bad in BAD:
                try:
                    result = call(registry, bad)
                except InvalidInputError as error:
                    str(error).encode()
                except PedigreeError as error:
                    found.append((kind, what, bad, repr(error)))
                except Exception as error:  # what is tested
                    found.append((kind, what, bad, repr(error)[:80]))
                else:
                    found.append((kind, what, bad, repr(result)[:80]))
    assert found == []


@pytest.mark.parametrize("text", BAD)
def test_a_reference_with_such_a_text_is_not_readable(registry: Registry, text: str) -> None:
    with pytest.raises(InvalidInputError):
        registry.set_tag(f"churn/{text}", "a", "b")
