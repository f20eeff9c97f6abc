"""Names of people are in one table, enter as pseudonyms, and leave as names."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree._names import person_key
from pedigree.access.named_records import with_names
from pedigree.access.pseudonyms import Names, is_person
from pedigree.access.records import Role
from pedigree.access.reserved import is_pseudonym
from pedigree.audit.records import Actor
from pedigree.cards.records import CardNotes
from pedigree.catalog.records import VersionSource
from pedigree.errors import (
    GateNotPassedError,
    NotPermittedError,
    PedigreeError,
    PrincipalNotFoundError,
    ReservedNameError,
)
from pedigree.lifecycle.records import Policy
from pedigree.postgres import Database
from pedigree.registry import Registry
from pedigree.registry.sources import NewSource
from tests.cards import test_cards_follow
from tests.cards.test_cards_follow import STORY, fill
from tests.factories import register, with_secret_key
from tests.identities import see
from tests.lifecycle.deciding import candidate, policy_of
from tests.maintenance.collecting import require_sound
from tests.unsealed import create as create_unsealed

OPERATOR = "quirin.tester@ops.example"
APPROVER = "anneliese.vogelsang@risk.example"
OTHERS = (
    *("balthasar-owner", "cosima.member@risk.example", "dorothea-grantee", "emil.lister"),
    *("friederike@login.example", "friederike.mail@login.example", "gottfried-promoter"),
    *("hedwig.provisioned", "hedwig.mail@scim.example"),
)
NAMES = (OPERATOR, APPROVER, *OTHERS)


def acting(registry: Registry, name: str) -> Registry:
    """The registry for a person with the credentials of the database."""
    return registry.acting_as(Actor(name=name, source="git user.email"))


def name_everybody(registry: Registry, folder: Path) -> None:
    """Do everything that names people, with names that are nowhere else."""
    owner, member, grantee, lister, login, mail, promoter, user, address = OTHERS
    fill(registry, folder)
    for _, step in STORY:
        step(registry, folder)
    register(registry, folder, "owned", "owned", owners=(owner,))
    registry.update_model("churn", owners=[owner])
    registry.update("churn/1", owners=[owner, member])
    registry.create_group("risky")
    registry.add_member("risky", member)
    registry.grant_access("reader", grantee, deny=True)
    acting(registry, lister).tokens()
    registry.create_token(grantee, roles=[Role.READER])
    see(registry, login, subject="subject-of-a-login", email=mail)
    provisioned = registry.operations.provisioning.provision_user(user, email=address)
    registry.operations.provisioning.provision_group("all", members=[provisioned.user_id])
    registry.set_policy("owned", policy_of(approvals={"by": [promoter, "*@risk.example"]}))
    acting(registry, promoter).set_alias("owned", "best", 1)
    registry.write_card("owned/1", CardNotes(contact="the team"))
    claimed = {"user": user, "run": {"user": member, "tags": {"mlflow.user": grantee}}}
    source = VersionSource(source="s3://models/owned", claimed=claimed)
    create_unsealed(acting(registry, mail), "owned", source=source)
    acting(registry, mail).operations.sources.create("owned", NewSource(source="s3://models/owned"))
    for model in registry.each_model():
        for version in registry.versions(model.name):
            registry.card(version.reference)


def stored(database: Database) -> Iterator[tuple[str, str]]:
    """Every row of every table, as text; bytes are hexadecimal there."""
    tables = database.fetch_all(
        "SELECT c.relname AS name FROM pg_class c WHERE c.relkind = 'r'"
        " AND c.relnamespace = 'pedigree'::regnamespace ORDER BY 1"
    )
    for table in tables:
        name = table["name"]
        for row in database.fetch_all(f"SELECT t::text AS row FROM pedigree.{name} t"):
            yield name, row["row"]


def places_of(registry: Registry, names: tuple[str, ...]) -> set[tuple[str, str]]:
    """Where the database and the object store have names."""
    found = set()
    for table, row in stored(registry.database):
        lower = row.casefold()
        found |= {
            (table, name)
            for name in names
            if name in lower or name.encode().hex() in lower or name.replace('"', '\\"') in lower
        }
    for key in registry.store.keys("", limit=100_000):
        content = b"".join(registry.store.stream(key)).lower()
        found |= {(key, name) for name in names if name.encode() in content}
    return found


@pytest.mark.timeout(300)
def test_names_are_in_one_table_alone(
    impatient: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    approver = Actor(name=APPROVER, source="git user.email")
    monkeypatch.setattr(test_cards_follow, "ANN", approver)
    registry = acting(with_secret_key(impatient), OPERATOR)
    name_everybody(registry, tmp_path)
    assert places_of(registry, NAMES) == {("pseudonym", name) for name in NAMES}
    require_sound(registry)


def test_answers_have_the_names(registry: Registry, tmp_path: Path) -> None:
    ann = acting(registry, "Ann <ann@risk.example>")
    registry.set_policy("churn", policy_of(approvals={"needed": 1}))
    reference = candidate(ann, tmp_path, owners=("ben",))
    version = registry.get(reference)
    assert (version.created_by, version.owners) == ("Ann <ann@risk.example>", ("ben",))
    assert registry.events()[-1].actor.name == "Ann <ann@risk.example>"
    for filter in (
        "created_by = 'Ann <ann@risk.example>'",
        "created_by LIKE '%risk.example>'",
        "created_by ILIKE 'ANN%'",
        "created_by > 'Amy' AND created_by < 'Bea'",
        "owner = 'ben'",
        "owner LIKE 'b%'",
    ):
        assert [each.reference for each in registry.search(filter).records] == [reference], filter
    for filter in ("created_by = 'ann'", "owner != 'ben'", "owner LIKE 'person-%'"):
        assert registry.search(filter).records == (), filter
    assert "by Ann &lt;ann@risk.example&gt;" in registry.card(reference).markdown
    assert ann.actor().name == "Ann <ann@risk.example>"
    assert ann.whoami().principal == "Ann <ann@risk.example>"
    with pytest.raises(NotPermittedError, match="Ann <ann@risk"):
        ann.approve(reference, "production", comment="fine")


def test_a_filter_for_an_unknown_name_adds_nobody(registry: Registry) -> None:
    before = registry.database.fetch_all("SELECT count(*) AS n FROM pedigree.pseudonym")
    registry.search("created_by = 'nobody' OR owner LIKE 'no%'")
    registry.access_grants(principal="nobody")
    registry.principals(name="nobody")
    registry.explain_access("nobody")
    with pytest.raises(PrincipalNotFoundError, match="nobody"):
        registry.end_sessions("nobody")
    after = registry.database.fetch_all(
        "SELECT count(*) AS n FROM pedigree.pseudonym WHERE name = 'nobody'"
    )
    assert after == [{"n": 0}]
    assert len(before) == 1


def test_one_new_name_that_many_use_at_once_gets_one_pseudonym(registry: Registry) -> None:
    def pseudonym(number: int) -> str:
        spelled = ("Ann@Risk.example", "ann@risk.example")[number % 2]
        return Names(registry.database).pseudonym(spelled)

    with ThreadPoolExecutor(16) as threads:
        found = set(threads.map(pseudonym, range(64)))
    (only,) = found
    assert is_pseudonym(only)
    rows = registry.database.fetch_all("SELECT pseudonym FROM pedigree.pseudonym")
    assert [row["pseudonym"] for row in rows].count(only) == 1


def test_any_name_goes_in_and_out(registry: Registry) -> None:
    names = registry.context.names

    @settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60))
    def check(name: str) -> None:
        pseudonym = names.pseudonym(name)
        shown = names.shown(f"by {pseudonym}, {pseudonym}")
        if not is_person(name):
            assert pseudonym == name
            return
        spelled = names.names_of([pseudonym])[pseudonym]
        assert person_key(spelled) == person_key(name)
        assert shown == f"by {spelled}, {spelled}"
        assert names.pseudonym(pseudonym) == pseudonym == names.known(name)
        actor = with_names(Actor(name=pseudonym, source="test"), names)
        assert (
            Actor.model_validate_json(
                names.shown_json(Actor(name=pseudonym, source="test").model_dump_json().encode())
            )
            == actor
            == Actor(name=spelled, source="test")
        )

    check()


def test_nobody_claims_a_pseudonym(registry: Registry) -> None:
    pseudonym = registry.context.names.pseudonym("ann")
    with pytest.raises(ReservedNameError, match="reserved"):
        registry.create_token(pseudonym, roles=[Role.READER])


@pytest.fixture
def decided(registry: Registry, tmp_path: Path) -> Callable[[], str]:
    """Make a candidate of ann's, whose promotion bob approves, with names in all places."""

    def make() -> str:
        registry.set_policy(
            "churn", policy_of(approvals={"needed": 2, "by": ["*@risk.example", "bob"]})
        )
        reference = candidate(acting(registry, "ann@risk.example"), tmp_path)
        acting(registry, "bob").approve(reference, "production", comment="good")
        return reference

    return make


def test_an_erased_person_is_in_no_answer_and_what_they_did_stays(
    registry: Registry, decided: Callable[[], str]
) -> None:
    reference = decided()
    registry.create_group("risk")
    registry.add_member("risk", "ann@risk.example")
    registry.grant_access("reader", "ann@risk.example")
    issued = registry.create_token("ann@risk.example", roles=[Role.READER])
    # Letters, since a short number is in some digest of every few runs.
    subject = "subject-of-ann"
    see(registry, "ann.login", subject=subject, email="ann@risk.example", groups=("ml",))
    see(registry, "ben", subject="42")
    registry.card(reference)
    erased = registry.erase_person("Ann@Risk.example")
    assert all(map(is_pseudonym, erased.pseudonyms))
    assert (len(erased.pseudonyms), erased.keeps_older_names) == (2, False)
    names = ("ann@risk.example", "ann.login", subject)
    assert places_of(registry, names) == set()
    assert registry.operations.tokens.bearer_of(issued.secret) is None
    (event,) = (each for each in registry.events() if each.type == "person.erased")
    assert set(event.body) == {"principal", "pseudonyms"}
    shown = registry.get(reference).created_by
    assert shown in erased.pseudonyms
    everything = [
        *(str(registry.get(reference)), str(registry.events()), str(registry.principals())),
        *(registry.card(reference).markdown, str(registry.access_groups())),
        *(str(registry.access_grants(ended=True)), str(registry.tokens())),
        str(registry.search("created_by LIKE '%'")),
    ]
    assert not any(name in each.casefold() for each in everything for name in names[:2])
    assert registry.search("created_by LIKE '%risk%'").records == ()
    assert registry.search(f"created_by = '{shown}'").records != ()
    require_sound(registry)


def test_a_provisioned_person_is_erased_and_provisioned_again_as_another_one(
    registry: Registry,
) -> None:
    provisioning = registry.operations.provisioning
    ids = {"external_id": "external-id-of-ann", "email": "ann@risk.example"}
    first = provisioning.provision_user("ann", **ids)
    provisioning.provision_group("risk", members=[first.user_id])
    assert len(registry.erase_person("ann").pseudonyms) == 2
    assert places_of(registry, tuple(ids.values())) == set()
    require_sound(registry)
    assert provisioning.provisioned_users(limit=10).users == ()
    again = provisioning.provision_user("ann", **ids)
    assert again.user_id != first.user_id
    assert len(registry.principals()) == 2
    require_sound(registry)


def test_nobody_approves_their_own_after_an_erasure(
    registry: Registry, decided: Callable[[], str]
) -> None:
    reference = decided()
    registry.erase_person("bob")
    pseudonym = registry.get(reference).created_by
    assert pseudonym == "ann@risk.example"
    with pytest.raises(NotPermittedError):
        acting(registry, "ann@risk.example").approve(reference, "production", comment="mine")
    (decision,) = registry.decisions(reference)
    assert is_pseudonym(decision.decided_by)
    with pytest.raises(GateNotPassedError, match="approval"):
        registry.promote(reference, "production")


def test_the_same_name_again_is_another_person(
    registry: Registry, decided: Callable[[], str]
) -> None:
    decided()
    (first,) = registry.erase_person("ann@risk.example").pseudonyms
    again = acting(registry, "ann@risk.example")
    again.create_model("later")
    second = registry.context.names.known("ann@risk.example")
    assert is_pseudonym(second)
    assert second != first
    assert registry.model("later").name == "later"
    (event,) = registry.events(model="later")
    assert event.actor.name == "ann@risk.example"


def test_a_pattern_no_longer_names_an_erased_person(
    registry: Registry, decided: Callable[[], str]
) -> None:
    reference = decided()
    cid = acting(registry, "cid@risk.example")
    cid.approve(reference, "production", comment="good")
    registry.erase_person("cid@risk.example")
    gates = registry.explain(reference, "production").gates
    approvals = next(each for each in gates if each.name == "approvals")
    assert not approvals.passed


def test_nobody_erases_themselves_or_a_stranger(registry: Registry) -> None:
    ann = acting(registry, "ann")
    ann.create_model("churn")
    refused: list[tuple[Callable[[], object], type[PedigreeError]]] = [
        (lambda: ann.erase_person("ANN"), NotPermittedError),
        (lambda: ann.erase_person("nobody"), PrincipalNotFoundError),
        (lambda: ann.erase_person("service:reconciler"), PrincipalNotFoundError),
    ]
    for attempt, error in refused:
        with pytest.raises(error):
            attempt()
    assert registry.events()[-1].type == "model.created"


def test_a_policy_keeps_patterns_roles_and_groups_as_they_are(registry: Registry) -> None:
    registry.create_group("risk")
    given = policy_of(approvals={"by": ["ann", "*@risk.example", "group:risk", "role:admin"]})
    registry.set_policy("churn", given)
    assert registry.policy("churn") == given
    assert registry.set_policy("churn", given) == 1, "an unchanged policy is not written again"
    (row,) = registry.database.fetch_all("SELECT policy FROM pedigree.registered_model")
    kept = Policy.model_validate(row["policy"])
    rules = [each.approvals for each in kept.stages if each.approvals and each.approvals.by]
    assert [each.by[1:] for each in rules] == [("*@risk.example", "group:risk", "role:admin")]
    assert all(is_pseudonym(each.by[0]) for each in rules)
