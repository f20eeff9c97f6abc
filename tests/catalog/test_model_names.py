"""Models get other names, and names other models: a number under a name stays one version."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pedigree.access.grants import Grant
from pedigree.access.principal import Principal
from pedigree.access.records import PERMISSIONS, Role
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.records import RegisteredModel
from pedigree.errors import (
    InvalidNameError,
    ModelNotFoundError,
    NameTakenError,
    NotPermittedError,
    PedigreeError,
    VersionNotFoundError,
)
from pedigree.registry import Registry, registry_in
from tests.catalog.test_creation import of_data
from tests.factories import AUC_POLICY, register
from tests.maintenance.collecting import collect


def recreate(registry: Registry, name: str) -> RegisteredModel:
    """Create a model whose name may be had again."""
    return registry.operations.models.add_model(name, recreate=True)


def rename_again(registry: Registry, name: str, new_name: str) -> RegisteredModel:
    """Rename a model to a name that may be had again."""
    return registry.operations.models.move_name(name, new_name, recreate=True)


def model_ids(registry: Registry) -> dict[str, int]:
    """The ids of the living models."""
    rows = registry.database.fetch_all(
        "SELECT name, model_id FROM pedigree.registered_model WHERE deleted_at IS NULL"
    )
    return {row["name"]: row["model_id"] for row in rows}


def contributor(registry: Registry, *models: str) -> Registry:
    """The registry as somebody uses it who may register some models."""
    grants = (Grant(permissions=PERMISSIONS[Role.CONTRIBUTOR], models=models),)
    principal = Principal(actor=Actor(name="ann", source="token"), grants=grants)
    return registry_in(registry.context.used_by(principal))


def history(registry: Registry, name: str) -> list[tuple[str, str | None, int | None]]:
    """The events that are found by a name."""
    return [
        (event.type.value, event.model, event.version)
        for event in registry.events(model=name, limit=1000)
        if event.type is not EventType.VERSION_CHECK_RECORDED
    ]


@pytest.fixture
def churn(registry: Registry, tmp_path: Path) -> Registry:
    """A registry with two versions of a model."""
    register(registry, tmp_path, "a")
    register(registry, tmp_path, "b")
    return registry


def test_a_renamed_model_has_all_that_it_had(churn: Registry, tmp_path: Path) -> None:
    churn.set_alias("churn", "best", 1)
    churn.set_policy("churn", AUC_POLICY)
    before = churn.model("churn")
    number = model_ids(churn)["churn"]
    renamed = churn.rename_model("churn", "leaving")
    assert renamed.name == "leaving"
    assert renamed.aliases == before.aliases
    assert model_ids(churn) == {"leaving": number}
    assert churn.get("leaving@best").reference == "leaving/1"
    assert [each.model_name for each in churn.search("name = 'leaving'").records] == ["leaving"] * 2
    assert not churn.search("name = 'churn'").records
    assert [model.name for model in churn.models()] == ["leaving"]
    with pytest.raises(ModelNotFoundError):
        churn.model("churn")
    assert register(churn, tmp_path, "c", name="leaving") == "leaving/3"
    assert churn.card("leaving/3")
    assert [change.revision for change in churn.policy_history("leaving")] == [1]
    assert churn.fsck().ok


def test_the_history_of_a_renamed_model_is_found_under_both_names(
    churn: Registry, tmp_path: Path
) -> None:
    before = history(churn, "churn")
    churn.rename_model("churn", "leaving")
    register(churn, tmp_path, "c", name="leaving")
    found = history(churn, "leaving")
    assert found[: len(before)] == before
    assert found[len(before)] == ("model.renamed", "churn", None)
    assert ("version.created", "leaving", 3) in found
    assert history(churn, "churn") == found
    assert churn.events(model="leaving", types=[EventType.MODEL_RENAMED])[0].body == {
        "from": "churn",
        "to": "leaving",
        "model_id": model_ids(churn)["leaving"],
        "first_version": 1,
    }


def test_a_model_can_have_its_former_name_again(churn: Registry) -> None:
    churn.rename_model("churn", "leaving")
    assert churn.rename_model("leaving", "churn").name == "churn"
    assert churn.rename_model("churn", "Churn").name == "Churn"  # only its spelling changes
    assert churn.rename_model("Churn", "Churn").name == "Churn"
    assert [event.type for event in churn.events(model="Churn")].count(EventType.MODEL_RENAMED) == 3
    assert churn.fsck().ok


def test_a_name_that_another_model_has_or_had_is_refused(churn: Registry, tmp_path: Path) -> None:
    churn.create_model("fraud")
    for taken in ("fraud", "Fraud"):
        with pytest.raises(NameTakenError):
            churn.rename_model("churn", taken)
    churn.delete_model("fraud", reason="a test")
    with pytest.raises(NameTakenError):
        churn.rename_model("churn", "fraud")
    churn.rename_model("churn", "leaving")
    for create in (
        lambda: churn.create_model("churn"),
        lambda: register(churn, tmp_path, "c", name="churn"),
    ):
        with pytest.raises(NameTakenError):
            create()
    with pytest.raises(InvalidNameError):
        churn.rename_model("leaving", "a/b")
    with pytest.raises(ModelNotFoundError):
        churn.rename_model("churn", "other")


def test_a_recreated_model_continues_the_numbers_of_its_name(
    churn: Registry, tmp_path: Path
) -> None:
    first = model_ids(churn)["churn"]
    churn.delete_model("churn", reason="a test")
    assert recreate(churn, "churn").latest_version == 2
    assert model_ids(churn)["churn"] != first
    assert register(churn, tmp_path, "a") == "churn/3"
    with pytest.raises(VersionNotFoundError):
        churn.get("churn/2")
    with pytest.raises(NameTakenError, match="newer model"):
        churn.restore_model("churn", reason="a test")
    with pytest.raises(VersionNotFoundError):
        churn.restore("churn/1", reason="a test")
    found = history(churn, "churn")
    assert [one for one in found if one[0] == "version.created"] == [
        ("version.created", "churn", number) for number in (1, 2, 3)
    ]
    created = churn.events(model="churn", types=[EventType.MODEL_CREATED])[-1]
    assert created.body == {"first_version": 3, "model_id": model_ids(churn)["churn"]}
    assert churn.fsck().ok


def test_a_living_model_is_not_recreated(churn: Registry) -> None:
    for name in ("churn", "Churn"):
        with pytest.raises(NameTakenError):
            recreate(churn, name)
    churn.delete_model("churn", reason="a test")
    with pytest.raises(NameTakenError):  # a twin in case
        recreate(churn, "Churn")
    with pytest.raises(NameTakenError):
        churn.create_model("churn")


def test_a_registration_under_a_former_name_is_refused_before_its_bytes_are_stored(
    churn: Registry, tmp_path: Path
) -> None:
    churn.rename_model("churn", "leaving")
    before = set(churn.store.keys("", limit=1000))
    for name in ("churn", "Churn"):
        with pytest.raises(NameTakenError):
            register(churn, tmp_path, "new bytes", name=name)
    assert set(churn.store.keys("", limit=1000)) == before
    assert churn.fsck().ok


def test_a_former_name_can_be_had_again_and_each_model_keeps_its_history(
    churn: Registry, tmp_path: Path
) -> None:
    churn.rename_model("churn", "leaving")
    recreate(churn, "churn")
    assert register(churn, tmp_path, "c") == "churn/3"
    assert register(churn, tmp_path, "c", name="leaving") == "leaving/3"
    assert {model for _, model, _ in history(churn, "churn")} == {"churn"}
    assert ("version.created", "churn", 1) not in history(churn, "churn")
    assert ("version.created", "churn", 1) in history(churn, "leaving")
    with pytest.raises(NameTakenError):
        rename_again(churn, "leaving", "churn")
    assert churn.fsck().ok


def test_a_name_that_had_higher_numbers_is_not_given_to_a_model_with_versions(
    churn: Registry, tmp_path: Path
) -> None:
    register(churn, tmp_path, "c", name="fraud")
    churn.delete_model("churn", reason="a test")
    with pytest.raises(NameTakenError, match="numbers would repeat"):
        rename_again(churn, "fraud", "churn")
    churn.create_model("empty")
    assert rename_again(churn, "empty", "churn").latest_version == 2
    assert register(churn, tmp_path, "d") == "churn/3"
    assert churn.fsck().ok


def test_versions_of_a_deleted_model_are_collected_after_its_name_was_had_again(
    impatient: Registry, tmp_path: Path
) -> None:
    for content in ("a", "b"):
        register(impatient, tmp_path, content)
        impatient.delete_model("churn", reason="a test")
        recreate(impatient, "churn")
    register(impatient, tmp_path, "c")
    assert collect(impatient).done["version"].items == 2
    collected = impatient.events(model="churn", types=[EventType.VERSION_COLLECTED])
    assert [event.version for event in collected] == [1, 2]
    assert impatient.fsck().ok


def test_data_of_a_deleted_model_can_be_quarantined_after_its_name_was_had_again(
    churn: Registry, tmp_path: Path
) -> None:
    made = register(churn, tmp_path, "c", name="fraud", lineage=of_data("orders"))
    churn.delete_model("fraud", reason="a test")
    recreate(churn, "fraud")
    register(churn, tmp_path, "d", name="fraud", lineage=of_data("orders"))
    churn.quarantine("orders", reason="doubled")
    assert churn.get("fraud/2").quarantine_reason == "doubled"
    churn.release("orders", whole_asset=True)
    quarantined = churn.events(model="fraud", types=[EventType.VERSION_QUARANTINED])
    assert made == "fraud/1"
    assert [event.version for event in quarantined] == [1, 2]
    assert churn.fsck().ok


def test_events_with_a_name_are_of_the_readers_models_by_the_present_name(
    churn: Registry,
) -> None:
    churn.rename_model("churn", "leaving")
    reader = contributor(churn, "leaving")
    other = contributor(churn, "churn")
    assert [event.model for event in reader.events(limit=1000)].count("churn") > 0
    assert not other.events(limit=1000)
    assert not other.models()


def test_a_rename_needs_the_right_under_both_names(churn: Registry) -> None:
    for name in ("churn", "leaving"):
        with pytest.raises(NotPermittedError):
            contributor(churn, name).rename_model("churn", "leaving")
    assert contributor(churn, "churn", "leaving").rename_model("churn", "leaving")


def outcomes(calls: Sequence[object]) -> list[object]:
    """What each of several calls at once returns, or its error."""

    def outcome(call: object) -> object:
        try:
            return call()  # type: ignore[operator]
        except PedigreeError as error:
            return type(error)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(outcome, calls))


@pytest.mark.parametrize("attempt", range(4))
def test_a_rename_and_creations_of_both_names_at_once(
    churn: Registry, tmp_path: Path, attempt: int
) -> None:
    outcomes(
        [
            lambda: churn.rename_model("churn", "leaving"),
            *(lambda: recreate(churn, "leaving") for _ in range(3)),
            *(lambda: recreate(churn, "churn") for _ in range(3)),
            *(lambda: rename_again(churn, "churn", f"other-{attempt}") for _ in range(2)),
        ]
    )
    for name in {*model_ids(churn)} & {"churn", "leaving"}:
        register(churn, tmp_path, "c", name=name)
    assert churn.fsck().ok


@pytest.mark.parametrize("attempt", range(4))
def test_a_rename_and_registrations_at_once(churn: Registry, tmp_path: Path, attempt: int) -> None:
    found = outcomes(
        [
            *(
                lambda n=n: register(churn, tmp_path, f"x{attempt}{n}", name="churn")
                for n in range(6)
            ),
            lambda: churn.rename_model("churn", "leaving"),
            *(
                lambda n=n: register(churn, tmp_path, f"y{attempt}{n}", name="leaving")
                for n in range(2)
            ),
        ]
    )
    made = [one for one in found if isinstance(one, str)]
    assert len(made) == len(set(made))
    assert churn.fsck().ok


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        ("DELETE FROM pedigree.former_name", "the name is not kept"),
        ("UPDATE pedigree.former_name SET name = 'other'", "no event says"),
        ("UPDATE pedigree.former_name SET next_version = 9", "two models have this number"),
    ],
)
def test_fsck_compares_the_names_that_models_had(
    churn: Registry, tmp_path: Path, edit: str, problem: str
) -> None:
    churn.rename_model("churn", "leaving")
    recreate(churn, "churn")
    assert register(churn, tmp_path, "c") == "churn/3"
    assert churn.fsck().ok
    churn.database.transaction(lambda transaction: transaction.execute(edit.encode()))
    report = churn.fsck()
    assert report.violated == ("names_match_events",)
    found = [each.problem for check in report.checks for each in check.examples]
    assert any(problem in each for each in found)
