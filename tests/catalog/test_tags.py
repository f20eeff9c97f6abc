"""One tag of a model or a version is set or removed, and all others stay."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pedigree.audit.event_types import EventType
from pedigree.catalog.description import MOST_TAGS
from pedigree.catalog.tag_edits import MOST_KEY, MOST_VALUE
from pedigree.errors import (
    InvalidInputError,
    ModelNotFoundError,
    TagNotFoundError,
    VersionNotFoundError,
)
from pedigree.registry import Registry
from tests.factories import register

SUBJECTS = ["churn", "churn/1"]


@pytest.fixture
def churn(registry: Registry, tmp_path: Path) -> Registry:
    """A registry with one version that has a tag, as its model has."""
    register(registry, tmp_path, tags={"kept": "v"})
    registry.update_model("churn", tags={"kept": "m"})
    return registry


def tags_of(registry: Registry, subject: str) -> dict[str, str]:
    """The tags of a model or a version."""
    found = registry.get(subject) if "/" in subject else registry.model(subject)
    return dict(found.tags)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_one_tag_is_set_changed_and_removed_each_with_an_event_of_what_changed(
    churn: Registry, subject: str
) -> None:
    before = tags_of(churn, subject)
    seen = len(churn.events())
    churn.set_tag(subject, "a/b", "1")
    churn.set_tag(subject, "a/b", "")
    assert tags_of(churn, subject) == {**before, "a/b": ""}
    churn.delete_tag(subject, "a/b")
    assert tags_of(churn, subject) == before
    events = churn.events()[seen:]
    kind = EventType.VERSION_UPDATED if "/" in subject else EventType.MODEL_UPDATED
    assert {event.type for event in events} == {kind}
    assert [event.body for event in events] == [
        {"tag_changes": {"a/b": value}} for value in ("1", "", None)
    ]
    assert churn.fsck().ok


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_repetition_is_an_event_as_it_is_for_update(churn: Registry, subject: str) -> None:
    seen = len(churn.events())
    churn.set_tag(subject, "kept", tags_of(churn, subject)["kept"])
    assert len(churn.events()) == seen + 1


@pytest.mark.parametrize("subject", SUBJECTS)
def test_all_tags_that_are_stated_later_replace_the_single_ones(
    churn: Registry, subject: str
) -> None:
    churn.set_tag(subject, "a", "1")
    change = churn.update if "/" in subject else churn.update_model
    change(subject, tags={"b": "2", "kept": None})
    churn.set_tag(subject, "c", "3")
    assert tags_of(churn, subject) == {"a": "1", "b": "2", "c": "3"}
    assert churn.fsck().ok


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_tag_that_is_missing_cannot_be_removed(churn: Registry, subject: str) -> None:
    with pytest.raises(TagNotFoundError, match="no such tag"):
        churn.delete_tag(subject, "b")


def test_a_version_can_be_named_by_what_it_holds(churn: Registry) -> None:
    churn.set_alias("churn", "best", 1)
    churn.set_tag("churn@best", "a", "1")
    assert tags_of(churn, "churn/1")["a"] == "1"


@pytest.mark.parametrize(
    ("subject", "error"),
    [("nobody", ModelNotFoundError), ("churn/9", VersionNotFoundError)],
)
def test_a_subject_that_is_missing_has_no_tags(
    churn: Registry, subject: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        churn.set_tag(subject, "a", "1")
    with pytest.raises(error):
        churn.delete_tag(subject, "a")


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("", "1"),
        ("k" * (MOST_KEY + 1), "1"),
        ("a\0", "1"),
        ("a", "\0"),
        ("\ud800", "1"),
        ("a", "\udfff"),
        ("a", "v" * (MOST_VALUE + 1)),
    ],
)
def test_a_tag_beyond_a_bound_is_refused(
    churn: Registry, subject: str, key: str, value: str
) -> None:
    for set_tag in (churn.set_tag, churn.operations.tags.set_tag):
        with pytest.raises(InvalidInputError):
            set_tag(subject, key, value)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_largest_tag_of_mlflow_can_be_written_and_found(churn: Registry, subject: str) -> None:
    key, value = "é" * (MOST_KEY - 2) + "/k", "é" * MOST_VALUE
    churn.operations.tags.set_tag(subject, key, value)
    assert tags_of(churn, subject)[key] == value
    assert churn.fsck().ok


def test_a_version_is_found_by_a_tag_that_was_set_alone(churn: Registry) -> None:
    churn.set_tag("churn/1", "tier", "1")
    assert [each.version_id for each in churn.search("tags.tier = '1'").records] == [1]
    churn.delete_tag("churn/1", "tier")
    assert not churn.search("tags.tier = '1'").records


@pytest.mark.parametrize("subject", SUBJECTS)
def test_all_tags_together_have_a_bound(churn: Registry, subject: str) -> None:
    most = MOST_TAGS // MOST_VALUE
    for number in range(most):
        churn.operations.tags.set_tag(subject, f"k{number}", "v" * MOST_VALUE)
    with pytest.raises(InvalidInputError, match="more than"):
        churn.operations.tags.set_tag(subject, "more", "v" * MOST_VALUE)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_sixteen_threads_lose_no_tag_of_each_other(churn: Registry, subject: str) -> None:
    seen = len(churn.events(limit=1000))
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: churn.set_tag(subject, f"t{n}", str(n)), range(64)))
    expected = {f"t{number}": str(number) for number in range(64)}
    assert tags_of(churn, subject).items() >= expected.items()
    assert len(churn.events(limit=1000)) == seen + 64
    assert churn.fsck().ok
