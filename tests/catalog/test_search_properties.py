"""A filter finds the same as in Python, and a page as JSON equals its records."""

import operator
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from pedigree.catalog.records import ModelVersion
from pedigree.catalog.search import search
from pedigree.catalog.search.records import SearchPage
from pedigree.registry import Registry
from tests.factories import register
from tests.marking import few_or_many

Test = Callable[[ModelVersion], bool | None]
COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TEXTS = {
    "name": (lambda v: v.model_name, ["churn", "fraud"]),
    "stage": (lambda v: v.stage, ["none", "candidate"]),
    "flavor": (lambda v: v.flavor, ["generic"]),
    "description": (lambda v: v.description, ["x", "y"]),
    "tags.team": (lambda v: v.tags.get("team"), ["growth", "risk"]),
    "tags.tier": (lambda v: v.tags.get("tier"), ["gold"]),
    "run_id": (lambda v: v.run_id, ["run-0", "run-3"]),
}
NUMBERS = {
    "version": (lambda v: v.version_id, [1, 2]),
    "metrics.auc": (lambda v: v.metrics.get("auc"), [0.5, 0.75]),
    "params.depth": (lambda v: v.params.get("depth"), [1, 2]),
}


def unknown_or(test: Callable[..., bool], *values: object) -> bool | None:
    return None if None in values else test(*values)


def comparison(field: str, sign: str, value: str | float) -> tuple[str, Test]:
    get = {**TEXTS, **NUMBERS}[field][0]
    shown = f"'{value}'" if isinstance(value, str) else str(value)
    return f"{field} {sign} {shown}", lambda v: unknown_or(COMPARE[sign], get(v), value)


def null(field: str, word: str) -> tuple[str, Test]:
    get = {**TEXTS, **NUMBERS}[field][0]
    return f"{field} {word}", lambda v: (get(v) is None) == (word == "IS NULL")


def among(field: str) -> tuple[str, Test]:
    get, values = {**TEXTS, **NUMBERS}[field]
    shown = ", ".join(f"'{one}'" if isinstance(one, str) else str(one) for one in values)
    return f"{field} IN ({shown})", lambda v: unknown_or(lambda found: found in values, get(v))


def inverse(inner: tuple[str, Test]) -> tuple[str, Test]:
    text, test = inner
    return f"NOT ({text})", lambda v: None if test(v) is None else not test(v)


def joined(word: str, parts: list[tuple[str, Test]]) -> tuple[str, Test]:
    decides = word == "OR"

    def test(version: ModelVersion) -> bool | None:
        found = [test(version) for _, test in parts]
        if decides in found:
            return decides
        return None if None in found else not decides

    return "(" + f" {word} ".join(text for text, _ in parts) + ")", test


fields = {**TEXTS, **NUMBERS}
leaves = st.one_of(
    st.sampled_from(sorted(fields)).flatmap(
        lambda field: st.builds(
            comparison,
            st.just(field),
            st.sampled_from(sorted(COMPARE)),
            st.sampled_from(fields[field][1]),
        )
    ),
    st.builds(null, st.sampled_from(sorted(fields)), st.sampled_from(["IS NULL", "IS NOT NULL"])),
    st.builds(among, st.sampled_from(sorted(fields))),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(inverse, inner),
        st.builds(joined, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=6,
)


@pytest.fixture
def some(registry: Registry, tmp_path: Path) -> tuple[ModelVersion, ...]:
    """Seven versions that differ in what they have, and have not."""
    for number in range(7):
        register(
            registry,
            tmp_path,
            f"v{number}",
            name="churn" if number % 2 else "fraud",
            run_id=f"run-{number}",
            description=[None, "x", "y"][number % 3],
            tags={"team": ["growth", "risk"][number % 2]} if number < 4 else {"tier": "gold"},
            metrics={"auc": 0.25 * number} if number < 5 else {},
            params={"depth": number % 4} if number > 1 else {},
        )
    registry.run_check("churn/1", "metadata_complete")
    return registry.versions("churn") + registry.versions("fraud")


@few_or_many(30, 80)
@pytest.mark.timeout(300)
def test_a_filter_finds_what_it_finds_in_python(
    registry: Registry, some: tuple[ModelVersion, ...], examples: int
) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(expressions)
    def check(expression: tuple[str, Test]) -> None:
        text, test = expression
        expected = {one.reference for one in some if test(one) is True}
        page = registry.search(text, count=True)
        assert {one.reference for one in page} == expected, text
        assert page.total == len(expected)

    check()


def assert_same_in_both_forms(registry: Registry, **asked: object) -> None:
    """The JSON that is made of texts has what the records have, and no field less or more."""
    wanted = {"limit": 100, "order_by": None, "after": None, "count": False, "facets": ()}
    request = search.request(**{"filter": None, "seconds": 60, **wanted, **asked})
    found = registry.database.read(lambda it: search.search(it, request))
    built = registry.search(**asked)
    text = registry.context.names.shown_json(found.json())
    assert SearchPage.model_validate_json(text) == built
    assert found.page.next == built.next
    fields, expected = (from_json(each) for each in (text, built.model_dump_json()))
    assert fields.keys() == expected.keys()
    assert [each.keys() for each in fields["records"]] == [
        each.keys() for each in expected["records"]
    ]


# What the texts are cut at, and what JSON writes in another way.
awkward = st.lists(
    st.sampled_from(
        ['"', "\\", ",", "}", "\n", "\u2028", "é", '"digest":"', ',"model_card_digest":null}']
    )
).map("".join)


def test_a_page_as_json_equals_its_records_for_any_values(
    registry: Registry, tmp_path: Path
) -> None:
    for content in ("a", "b"):
        register(registry, tmp_path, content, tags={"of": content}, metrics={"auc": 1e-7})
    registry.write_card("churn/2")
    assert_same_in_both_forms(registry, limit=1, count=True, facets=("tag", "stage"))
    assert_same_in_both_forms(registry, filter="name = 'nothing'")
    assert_same_in_both_forms(registry, filter="text MATCH 'churn'")

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(awkward, awkward)
    def check(one: str, other: str) -> None:
        registry.update("churn/1", description=one, tags={f"k{other}": one}, owners=[f"o{other}"])
        assert_same_in_both_forms(registry)

    check()
