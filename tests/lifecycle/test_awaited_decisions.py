"""What waits for somebody's decision is what their approval would change, and nothing else."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pedigree.access.records import Permission, Role
from pedigree.audit.records import Actor
from pedigree.catalog.metadata_fields import RiskClass
from pedigree.errors import NotPermittedError
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.records import Policy
from pedigree.registry import Registry, registry_in
from tests.factories import free_policy, register


class World(NamedTuple):
    """A registry with open requests of every kind, and people who may decide about some."""

    registry: Registry
    people: dict[str, Registry]

    def waiting(self, person: str) -> set[str]:
        """The models whose request waits for a person."""
        found = self.people[person].operations.stage_requests.requests_to_decide()
        return {each.model_name for each in found}


def asking(**production: Any) -> Policy:
    """A policy whose production asks for more than the other stages do."""
    stages = tuple(
        rule.model_validate({**rule.model_dump(), **production})
        if rule.name == "production"
        else rule
        for rule in free_policy().stages
    )
    return Policy(stages=stages)


POLICIES: dict[str, Policy] = {
    "one": asking(approvals={"needed": 1}),
    "two": asking(approvals={"needed": 2}),
    "enough": asking(approvals={"needed": 1}, soak="1d"),
    "void": asking(approvals={"needed": 1}, soak="1d"),
    "old": asking(approvals={"needed": 1, "expire_after": "0s"}, soak="30d"),
    "asked-again": asking(approvals={"needed": 1}, soak="1d"),
    "overridden": asking(approvals={"needed": 1}, soak="1d"),
    "moved": asking(approvals={"needed": 1}, soak="1d"),
    "soaks": asking(soak="1d"),
    "no-people": asking(approvals={"needed": 0}, soak="1d"),
    "only-high": asking(approvals={"needed": 0, "by_risk_class": {"high": 1}}, soak="1d"),
    "by-name": asking(approvals={"by": ["cat", "*@risk.example"]}),
    "by-role": asking(approvals={"by": ["role:judge"]}),
    "by-group": asking(approvals={"by": ["group:risk"]}),
    "promoters": asking(promoters=["role:judge", "ann"], soak="1d"),
    "promoted": asking(promoters=["ben"], soak="1d"),
    "both": asking(promoters=["ann"], approvals={"needed": 1, "by": ["cat"]}),
    "elsewhere": asking(approvals={"needed": 1}),
    "by-dan": asking(approvals={"needed": 1}),
    "for-gus": asking(approvals={"needed": 1}),
    "asked-by-ann": asking(approvals={"needed": 1}),
    "only-asks": asking(soak="1d"),
    "only-asks-approved": asking(approvals={"needed": 1}, soak="1d"),
    "only-asks-promoters": asking(promoters=["ann", "cat"], approvals={"needed": 1}, soak="1d"),
}
ASKERS = {"asked-by-ann": "ann", "promoters": "dan", "both": "dan"}
AUTHORS = {"by-dan": "dan", "for-gus": "hal"}


def as_person(registry: Registry, name: str, **options: Any) -> Registry:
    """The registry for the holder of a token, as the service gives it to them."""
    issuer = registry.acting_as(Actor(name=options.pop("issuer", "root"), source="test"))
    issued = issuer.create_token(name, **options)
    found = registry.operations.tokens.bearer_of(issued.secret)
    assert found is not None
    return registry_in(registry.context.used_by(found.principal))


def acting(registry: Registry, name: str) -> Registry:
    return registry.acting_as(Actor(name=name, source="token"))


@pytest.fixture
def world(registry: Registry, tmp_path: Path) -> World:
    registry.create_group("risk")
    registry.add_member("risk", "cat")
    registry.define_role("judge", [Permission.READ, Permission.DECIDE])
    registry.define_role("asking", [Permission.READ, Permission.REQUEST])
    made = World(registry, _people(registry))
    for name, policy in POLICIES.items():
        registry.set_policy(name, policy)
        author = acting(registry, AUTHORS.get(name, "author"))
        fields = {"risk_class": RiskClass.HIGH} if name == "only-high" else {}
        reference = register(author, tmp_path, name, name, **fields)
        if name.startswith("only-asks"):
            asker = made.people["pat"]
        else:
            asker = acting(registry, ASKERS.get(name, "asker"))
        asker.request_stage(reference, "production", reason="better")
    _decide(registry)
    register(acting(registry, "author"), tmp_path, "other", "overridden")
    acting(registry, "admin").override("overridden/2", "production", reason="a fire")
    _renew(registry)
    return made


def _people(registry: Registry) -> dict[str, Registry]:
    for name in ("ann", "ben", "cat", "dan"):
        registry.grant_access("approver", name)
    registry.grant_access("approver", "ida", models=("o*",))
    registry.grant_access("judge", "ida", models=("by-*",))
    registry.grant_access("approver", "ida", models=("one",), deny=True)
    registry.grant_access("approver", "kim", stages=("staging",))
    registry.grant_access("approver", "leo")
    names = ("ann", "ben", "cat", "dan", "ida", "kim")
    people = {name: as_person(registry, name) for name in names}
    people["eve@risk.example"] = as_person(registry, "eve@risk.example", roles=[Role.APPROVER])
    people["gus"] = as_person(registry, "gus", roles=[Role.APPROVER], issuer="hal")
    people["jo"] = as_person(registry, "jo", roles=[Role.APPROVER], models=("elsewhere", "two"))
    people["reader"] = as_person(registry, "reader", roles=[Role.READER])
    people["asker"] = as_person(registry, "asker", roles=[Role.ADMIN])
    people["admin"] = as_person(registry, "admin", roles=[Role.ADMIN])
    # Mia is Ann by another identity.
    people["mia"] = as_person(registry, "mia", roles=[Role.APPROVER])
    registry.link_person("mia", person="ann")
    registry.grant_access("asking", "pat")
    people["pat"] = as_person(registry, "pat")
    return people


def _decide(registry: Registry) -> None:
    """Decide about some of the requests, and let some of the decisions become void."""

    def approve(name: str, person: str) -> None:
        acting(registry, person).approve(f"{name}/1", "production", comment="fine")

    for name in ("two", "enough", "old", "asked-again", "overridden", "moved"):
        approve(name, "ann")
    approve("void", "leo")
    registry.revoke_access("leo")
    approve("promoted", "ben")
    approve("only-asks-approved", "cat")
    approve("only-asks-promoters", "ben")
    acting(registry, "ben").reject("asked-again/1", "production", comment="no")
    acting(registry, "asker").request_stage("asked-again/1", "production")
    registry.set_alias("moved", "best", 1)


def _renew(registry: Registry) -> None:
    """Evaluate all gates now, as the sensor does."""
    for name in POLICIES:
        registry.operations.stage_requests.perform_requests(name)


class _Undo(Exception):  # noqa: N818
    pass


def would_change(world: World, person: str, request: StageRequest) -> bool:
    """Whether the approval of a person would bring a request nearer to its stage."""
    before = lacking(request)
    if not before:
        return False
    after: list[Collection[str] | None] = []

    def approve(context: Any) -> None:
        inner = registry_in(context)
        inner.approve(f"{request.model_name}/1", request.stage, comment="what if")
        open_now = registry_in(context.used_by(None)).stage_requests(request.model_name)
        after.extend(lacking(each) for each in open_now if each.request_id == request.request_id)
        raise _Undo

    try:
        world.people[person].context.transaction(approve)
    except NotPermittedError:
        return False
    except _Undo:
        return not after or after[0] != before
    raise AssertionError


def lacking(request: StageRequest) -> tuple[str, ...]:
    """What a request lacks that people give."""
    return tuple(each for each in request.waits_for if "approval" in each)


def test_a_request_waits_for_whose_approval_would_change_something(world: World) -> None:
    found = world.registry.stage_requests()
    assert {each.model_name for each in found} == POLICIES.keys()
    # Its approvals expire at once, so that another one changes nothing for long.
    requests = [each for each in found if each.model_name != "old"]
    for person, registry in world.people.items():
        own = {each.model_name for each in requests if _is_by(world, person, each)}
        expected = {
            each.model_name
            for each in requests
            if each.model_name not in own and would_change(world, person, each)
        }
        waiting = world.waiting(person)
        assert waiting - {"old"} == expected, person
        assert registry.operations.stage_requests.awaited_decisions().number == len(waiting)


def _is_by(world: World, person: str, request: StageRequest) -> bool:
    names = {person, "ann", "mia"} if person in ("ann", "mia") else {person}
    return request.requested_by in names


def test_people_are_known_by_what_waits_for_them(world: World) -> None:
    everybody = {"one", "two", "asked-again", "moved", "void", "only-high", "elsewhere"}
    assert world.waiting("reader") == world.waiting("pat") == world.waiting("kim") == set()
    assert world.waiting("jo") == {"elsewhere", "two"}
    assert everybody <= world.waiting("ben")
    assert not {"soaks", "no-people", "enough"} & world.waiting("ben")
    assert {"asked-again", "moved", "old"} <= world.waiting("ann")
    assert not {"two", "enough", "asked-by-ann"} & world.waiting("ann")
    # Mia is Ann, and a policy names Ann by another name.
    named = {"promoters", "only-asks-promoters"}
    assert named <= world.waiting("ann")
    assert world.waiting("mia") == world.waiting("ann") - named
    assert "by-dan" not in world.waiting("dan")
    assert "for-gus" not in world.waiting("gus")
    assert "for-gus" in world.waiting("ben")
    assert "by-group" in world.waiting("cat")


def test_the_list_goes_on_from_page_to_page(world: World) -> None:
    read = world.people["ben"].operations.stage_requests.requests_to_decide
    whole = [each.request_id for each in read()]
    pages, after = [], 0
    while page := read(limit=2, after=after):
        pages += page
        after = page[-1].request_id
    assert [each.request_id for each in pages] == whole == sorted(whole)


def test_without_the_right_to_read_there_is_no_answer(world: World) -> None:
    nobody = as_person(world.registry, "nobody")
    for ask in (
        nobody.operations.stage_requests.requests_to_decide,
        nobody.operations.stage_requests.awaited_decisions,
    ):
        with pytest.raises(NotPermittedError):
            ask()


def test_the_place_in_the_feed_has_every_event_before_it(world: World) -> None:
    read = world.people["ben"].operations.stage_requests.awaited_decisions
    place = read().place
    assert place == world.registry.events(limit=1_000)[-1].seq
    world.registry.set_alias("one", "best", 1)
    assert read().place > place
    assert not read().is_behind
