"""The list of models: its pages, filters and counts are those of a naive computation."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedigree.access.grants import Effect, Grant
from pedigree.access.principal import Principal
from pedigree.audit.records import Actor
from pedigree.catalog.overview.records import (
    Attention,
    ListedModel,
    ModelFacet,
    ModelFilter,
    ModelOrder,
    ModelPage,
)
from pedigree.errors import InvalidInputError
from pedigree.lifecycle.records import MetricRule
from pedigree.registry import Registry, registry_in
from pedigree.settings import Settings
from tests.databases import Databases
from tests.factories import free_policy, register
from tests.lifecycle.deciding import policy_of

ANN = Actor(name="ann", source="token")
TEAMS = ("risk", "growth", None)
OWNERS = (("ann", "bob"), ("bob",), ())
WORDS = ("", "churn", "EU", "churn eu", "100%", "a_b", "é", "nothing")
DESCRIPTIONS = ("Churn of customers", "100% of the EU", None)


@pytest.fixture(scope="module")
def filled(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Twenty models that differ in all that a list can be narrowed down by."""
    folder = tmp_path_factory.mktemp("filled")
    with databases.lend() as make:
        known = Settings(home=folder / "home", database_url=make(), actor="tester")
        with Registry.connect(settings=known) as registry:
            fill(registry, folder)
            yield registry


def fill(registry: Registry, folder: Path) -> None:
    for number in range(20):
        name = f"{('churn', 'fraud')[number % 2]}-{('eu', 'a_b', 'us')[number % 3]}-{number:02}"
        team = TEAMS[number % 3]
        registry.create_model(
            name,
            description=DESCRIPTIONS[number % 3],
            owners=OWNERS[number % 3],
            tags={"team": team} if team else {},
        )
        rule = MetricRule(metric="auc") if number % 4 else None
        registry.set_policy(name, free_policy().model_copy(update={"champion_metric": rule}))
        for content in range(number % 4):
            metrics = {"auc": (number * 7 % 10 + content) / 20} if number % 3 else {}
            risk = (None, "high", "minimal")[number % 3]
            register(registry, folder, f"{content}", name, metrics=metrics, risk_class=risk)
        if number % 4 == 3 and number % 5:
            registry.promote(f"{name}/2", "production")
        if number % 4 == 2:
            registry.quarantine_version(f"{name}/1", reason="wrong labels")
        if number % 5 == 1 and number % 4:
            registry.set_policy(name, policy_of())
            registry.request_stage(f"{name}/1", "candidate")


@pytest.fixture(scope="module")
def everything(filled: Registry) -> tuple[ListedModel, ...]:
    return ask(filled).models


def ask(registry: Registry, limit: int = 200, **given: object) -> ModelPage:
    order = ModelOrder(given.pop("order", "name"))
    after, unfolded = given.pop("after", None), given.pop("unfolded", None)
    return registry.operations.models.overview(
        ModelFilter.model_validate(given),
        order=order,
        limit=limit,
        after=after,  # type: ignore[arg-type]
        unfolded=unfolded,  # type: ignore[arg-type]
    )


def values_of(model: ListedModel, facet: ModelFacet) -> tuple[str, ...]:
    match facet:
        case ModelFacet.STAGE:
            return model.stages
        case ModelFacet.OWNER:
            return model.owners
        case ModelFacet.ATTENTION:
            return model.attention
        case _:
            value = getattr(model, facet.value)
            return () if value is None else (value,)


def fits(model: ListedModel, wanted: dict[str, str], *, without: ModelFacet | None = None) -> bool:
    text = f"{model.name} {model.description or ''}".lower()
    return all(word in text for word in wanted["words"].lower().split()) and all(
        wanted[facet.value] in values_of(model, facet)
        for facet in ModelFacet
        if facet is not without and wanted.get(facet.value) is not None
    )


FILTERS = st.fixed_dictionaries(
    {"words": st.sampled_from(WORDS)},
    optional={
        "stage": st.sampled_from(["production", "candidate", "unheard"]),
        "team": st.sampled_from(["risk", "growth", "unheard"]),
        "owner": st.sampled_from(["ann", "bob"]),
        "risk_class": st.sampled_from(["high", "minimal"]),
        "attention": st.sampled_from([each.value for each in Attention]),
    },
)


@settings(max_examples=60)
@given(wanted=FILTERS)
def test_models_and_counts_are_those_of_a_naive_filter(
    filled: Registry, everything: tuple[ListedModel, ...], wanted: dict[str, str]
) -> None:
    page = ask(filled, **wanted)
    expected = [each for each in everything if fits(each, wanted)]
    assert list(page.models) == expected
    assert page.fitting == len(expected)
    assert (page.all_models, page.all_versions) == (20, sum(each.versions for each in everything))
    for facet in ModelFacet:
        others = [each for each in everything if fits(each, wanted, without=facet)]
        counts = Counter(value for each in others for value in values_of(each, facet))
        assert {each.value: each.models for each in page.facets[facet].values} == counts
        assert [each.models for each in page.facets[facet].values] == sorted(
            counts.values(), reverse=True
        )


@pytest.mark.parametrize("order", list(ModelOrder))
@pytest.mark.parametrize("limit", [1, 3, 20])
def test_pages_follow_each_other_in_every_order(
    filled: Registry, everything: tuple[ListedModel, ...], order: ModelOrder, limit: int
) -> None:
    late = 1e300
    key = {
        ModelOrder.NAME: lambda each: each.name,
        ModelOrder.NEWEST: lambda each: -(each.latest_at or each.created_at).timestamp(),
        ModelOrder.METRIC: lambda each: late if each.value is None else -each.value,
        ModelOrder.WAITING: lambda each: (
            each.asking_since.timestamp() if each.asking_since else late
        ),
    }[order]
    found: list[str] = []
    after = None
    while page := ask(filled, limit, order=order, after=after):
        found += [each.name for each in page.models]
        after = page.next
        if after is None:
            break
    assert found == [each.name for each in sorted(everything, key=lambda it: (key(it), it.name))]


@pytest.mark.parametrize(
    ("patterns", "denied"),
    [(("churn*",), ()), (("churn-eu-00", "fraud*"), ()), (("nothing*",), ()), ((), ("churn*",))],
)
def test_what_may_not_be_read_is_in_no_list_count_or_facet(
    filled: Registry,
    everything: tuple[ListedModel, ...],
    patterns: tuple[str, ...],
    denied: tuple[str, ...],
) -> None:
    grants = (
        Grant(models=patterns),
        *(Grant(effect=Effect.DENY, models=(each,)) for each in denied),
    )
    principal = Principal(actor=ANN, grants=grants)
    limited = registry_in(filled.context.used_by(principal))
    seen = [each for each in everything if limited.context.may_read(each.name)]
    assert 0 <= len(seen) < 20
    page = ask(limited)
    assert list(page.models) == seen
    assert (page.fitting, page.all_models) == (len(seen), len(seen))
    assert page.all_versions == sum(each.versions for each in seen)
    for facet in ModelFacet:
        counts = Counter(value for each in seen for value in values_of(each, facet))
        assert {each.value: each.models for each in page.facets[facet].values} == counts
    for order in ModelOrder:
        assert {each.name for each in ask(limited, order=order).models} == {
            each.name for each in seen
        }


def test_a_facet_counts_its_most_frequent_values_and_the_chosen_one(
    registry: Registry,
) -> None:
    for number in range(14):
        for copy in range(1 + (number < 3)):
            registry.create_model(f"m-{number}-{copy}", owners=[f"owner-{number:02}"])
    counts = ask(registry).facets[ModelFacet.OWNER]
    assert [each.value for each in counts.values[:3]] == ["owner-00", "owner-01", "owner-02"]
    shown = [each.value for each in counts.values[3:]]
    assert shown == sorted(shown)
    assert [each.models for each in counts.values] == [2, 2, 2, *[1] * 7]
    assert counts.more == 4
    (hidden, *_) = sorted({f"owner-{each:02}" for each in range(14)} - set(shown))[3:]
    page = ask(registry, owner=hidden)
    assert [each.owners for each in page.models] == [(hidden,)]
    chosen = page.facets[ModelFacet.OWNER]
    assert hidden in [each.value for each in chosen.values]
    assert (len(chosen.values), chosen.more) == (11, 3)
    unfolded = ask(registry, unfolded=ModelFacet.OWNER).facets[ModelFacet.OWNER]
    assert (len(unfolded.values), unfolded.more) == (14, 0)


def test_more_than_a_thousand_are_not_counted_further(registry: Registry) -> None:
    registry.database.transaction(
        lambda it: it.execute(
            "INSERT INTO pedigree.registered_model (name, name_key, created_at, created_by, owners)"
            " SELECT 'm' || n, 'm' || n, now(), 'ann', ARRAY['ann'] FROM generate_series(1, 1200) n"
        )
    )
    page = ask(registry, 1)
    assert (page.fitting, page.all_models) == (1001, 1200)
    assert page.facets[ModelFacet.OWNER].values[0].models == 1001


def test_a_cursor_belongs_to_its_list(filled: Registry) -> None:
    cursor = ask(filled, 1).next
    assert cursor is not None
    for other in ({"order": "newest"}, {"words": "churn"}, {"team": "risk"}):
        with pytest.raises(InvalidInputError, match="belongs to another list"):
            ask(filled, 1, after=cursor, **other)
    for damaged in ("", "x", "é", cursor[:-2], cursor + "AA"):
        with pytest.raises(InvalidInputError, match="belongs to another list"):
            ask(filled, 1, after=damaged)
    for limit in (0, 201):
        with pytest.raises(InvalidInputError, match="limit"):
            ask(filled, limit)


def test_a_deleted_model_is_not_listed_until_it_is_restored(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path)
    before = ask(registry)
    registry.delete_model("churn", reason="test")
    assert ask(registry).all_models == 0
    registry.restore_model("churn")
    assert ask(registry) == before
