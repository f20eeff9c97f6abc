"""Approvals and actions: what a page offers, says beforehand, does once, and refuses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.audit.records import Actor
from pedigree.lifecycle.approval_rules import ApprovalRule
from pedigree.lifecycle.records import Policy
from tests.factories import free_policy, register
from tests.server.conftest import Served
from tests.web.reading import Element, main_text, read

ANN = Actor(name="ann@example.com", source="test")


def page_client(served: Served, *roles: Role, models: tuple[str, ...] = ()) -> httpx2.Client:
    client = served.client(*roles, models=models, accept="text/html")
    client.base_url = httpx2.URL(served.url)

    def keep(answer: httpx2.Response) -> None:
        # A browser takes a loopback address as secure, and this client does not.
        if given := answer.headers.get("set-cookie"):
            client.headers["cookie"] = given.partition(";")[0]

    client.event_hooks = {"response": [keep]}
    return client


@pytest.fixture(scope="module")
def admin_page(served: Served) -> httpx2.Client:
    return page_client(served, Role.ADMIN)


@pytest.fixture(scope="module")
def reader_page(served: Served) -> httpx2.Client:
    return page_client(served, Role.READER)


def asking(needed: int = 1) -> Policy:
    """A policy whose production needs approvals, and nothing else."""
    policy = free_policy()
    stages = tuple(
        rule.model_copy(update={"approvals": ApprovalRule(needed=needed)})
        if rule.name == "production"
        else rule
        for rule in policy.stages
    )
    return policy.model_copy(update={"stages": stages})


@pytest.fixture
def requested(served: Served, version: Callable[..., int], name: str) -> int:
    """Ask for production for the first version of this test's model; the number of the request."""
    served.registry.set_policy(name, asking())
    version()
    served.registry.acting_as(ANN).request_stage(f"{name}/1", "production", reason="it is better")
    (request,) = served.registry.stage_requests(name)
    return request.request_id


def fields_of(page: Element, **changes: str) -> dict[str, str]:
    """What the form of a page sends: its hidden fields, and what somebody types."""
    form = page.one("main").one("form", method="post")
    hidden = {
        each.attributes["name"] or "": each.attributes.get("value") or ""
        for each in form.all("input", type="hidden")
    }
    return {**hidden, **changes}


def test_an_approver_reads_and_decides_on_one_page(
    served: Served, admin_page: httpx2.Client, requested: int, name: str
) -> None:
    page = read(admin_page.get(f"/approvals/{requested}"))
    text = page.one("main").text
    assert "ann asked" in text
    assert "“it is better”" in text
    assert "0 of 1 given" in text
    assert "It is the first version in production." in text
    fields = fields_of(page, comment="Slices are fine", verdict="approve")
    done = admin_page.post(f"/approvals/{requested}", data=fields)
    assert done.status_code == 303
    assert "You approved it." in main_text(admin_page.get(done.headers["location"]))
    assert served.registry.get(f"{name}/1").stage == "production"
    (decision,) = served.registry.decisions(f"{name}/1")
    assert (decision.approved, decision.comment) == (True, "Slices are fine")
    gone = admin_page.get(f"/approvals/{requested}")
    assert gone.status_code == 404
    assert "no open request has this number" in main_text(gone)


def test_the_list_of_what_waits_says_who_asked(
    admin_page: httpx2.Client, requested: int, name: str
) -> None:
    for path in ("/approvals", "/approvals?show=all"):
        (row,) = [
            each.text
            for each in read(admin_page.get(path)).one("ul", class_="queue").all("li")
            if name in each.text
        ]
        assert "ann, a moment ago" in row
        assert "waits for 1 approval" in row


def test_a_form_that_is_sent_twice_is_done_once(
    served: Served, admin_page: httpx2.Client, requested: int, name: str
) -> None:
    served.registry.set_policy(name, asking(needed=2))
    page = read(admin_page.get(f"/approvals/{requested}"))
    fields = fields_of(page, comment="Fine", verdict="approve")
    answers = [admin_page.post(f"/approvals/{requested}", data=fields) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(served.registry.decisions(f"{name}/1")) == 1


def test_a_decision_without_a_comment_keeps_the_page(
    served: Served, admin_page: httpx2.Client, requested: int, name: str
) -> None:
    page = read(admin_page.get(f"/approvals/{requested}"))
    fields = fields_of(page, comment=" \n ", verdict="reject")
    refused = admin_page.post(f"/approvals/{requested}", data=fields)
    assert refused.status_code == 422
    assert "It was not done:" in main_text(refused)
    assert served.registry.decisions(f"{name}/1") == ()


def test_a_state_that_moved_is_refused_and_the_comment_kept(
    served: Served, admin_page: httpx2.Client, requested: int, name: str
) -> None:
    page = read(admin_page.get(f"/approvals/{requested}"))
    served.registry.set_alias(name, "best", 1)
    fields = fields_of(page, comment="Typed with care", verdict="approve")
    refused = admin_page.post(f"/approvals/{requested}", data=fields)
    assert refused.status_code in (409, 412)
    again = read(refused).one("textarea", name="comment")
    assert again.text == "Typed with care"
    assert served.registry.decisions(f"{name}/1") == ()


def test_ones_own_version_is_never_offered_and_always_refused(
    served: Served, tmp_path: Path, name: str
) -> None:
    client = page_client(served, Role.ADMIN)
    who = client.get("/api/v1/whoami").json()["principal"]
    served.registry.set_policy(name, asking())
    own = served.registry.acting_as(Actor(name=who, source="token"))
    reference = register(own, tmp_path, "own weights", name)
    own.request_stage(reference, "production")
    (request,) = served.registry.stage_requests(name)
    page = read(client.get(f"/approvals/{request.request_id}"))
    assert "You registered this version, so others decide." in page.one("main").text
    assert not page.one("main").all("textarea")
    token = fields_of(read(client.get(f"/models/{name}/versions/1/quarantine")))
    forged = {**token, "comment": "mine", "verdict": "approve", "generation": ""}
    refused = client.post(f"/approvals/{request.request_id}", data=forged)
    assert refused.status_code == 403
    assert served.registry.get(reference).stage != "production"


def test_what_waits_for_others_is_not_among_mine(
    served: Served, reader_page: httpx2.Client, requested: int, name: str
) -> None:
    assert name not in main_text(reader_page.get("/approvals"))
    assert name in main_text(reader_page.get("/approvals", params={"show": "all"}))
    page = main_text(reader_page.get(f"/approvals/{requested}"))
    assert "You may not decide." in page


def test_foreign_requests_are_nowhere(served: Served, requested: int, name: str) -> None:
    stranger = page_client(served, Role.ADMIN, models=("other-*",))
    assert name not in stranger.get("/approvals", params={"show": "all"}).text
    assert stranger.get(f"/approvals/{requested}").status_code == 404


@pytest.mark.parametrize("number", ["0", "-1", "99999999999999999999", "x", "٣", "1.0"])
def test_a_bad_number_is_answered_in_words(reader_page: httpx2.Client, number: str) -> None:
    answer = reader_page.get(f"/approvals/{number}")
    assert answer.status_code == 404
    assert "no open request has this number" in main_text(answer)


ACTIONS: dict[str, tuple[dict[str, str], str]] = {
    "promote": ({"stage": "staging"}, "enters"),
    "request": ({"stage": "staging", "reason": "try"}, "first version"),
    "quarantine": ({"reason": "wrong labels"}, "enters no stage"),
    "alias": ({"alias": "best"}, "points to v1"),
    "describe": ({"description": "Predicts churn", "owners": "ann, ben"}, "card"),
    "hold": ({"reason": "a lawsuit"}, "cannot be deleted"),
}


@pytest.mark.parametrize("word", ACTIONS)
def test_an_action_says_what_it_will_do_and_does_it(
    served: Served, admin_page: httpx2.Client, version: Callable[..., int], name: str, word: str
) -> None:
    served.registry.set_policy(name, free_policy())
    version()
    typed, said = ACTIONS[word]
    path = f"/models/{name}/versions/1/{word}"
    page = read(admin_page.get(path, params=typed))
    assert said in page.one("main").text
    done = admin_page.post(path, data=fields_of(page, **typed))
    assert done.status_code == 303, main_text(done)
    now = served.registry.get(f"{name}/1")
    shown: dict[str, Any] = {
        "promote": now.stage == "staging",
        "request": now.stage == "staging",
        "quarantine": now.quarantine_reason == "wrong labels",
        "alias": now.aliases == ("best",),
        "describe": (now.description, now.owners) == ("Predicts churn", ("ann", "ben")),
        "hold": now.hold_reason == "a lawsuit",
    }
    assert shown[word]


def test_whose_place_is_taken_and_what_becomes_void_is_said_before(
    served: Served, admin_page: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    served.registry.set_policy(name, asking())
    for each in ("one", "two", "three"):
        version(each)
    for number in (1, 2):
        served.registry.acting_as(ANN).request_stage(f"{name}/{number}", "production")
    operator = Actor(name="ben@example.com", source="test")
    served.registry.approve(f"{name}/1", "production", comment="fine", actor=operator)
    served.registry.set_policy(name, asking(needed=2))
    served.registry.approve(f"{name}/2", "production", comment="fine", actor=operator)
    text = main_text(admin_page.get(f"/models/{name}/versions/3/promote?stage=production"))
    assert "It takes production from v1, which is archived." in text
    assert "1 approval for other requests becomes void" in text
    back = main_text(admin_page.get(f"/models/{name}/rollback"))
    assert "1 approval for open requests becomes void" in back
    assert "It would be refused: " in back
    assert f"{name}/1 has no earlier holder" in back
    served.registry.set_policy(name, free_policy())
    served.registry.promote(f"{name}/3", "production", reason="the next one")
    back = main_text(admin_page.get(f"/models/{name}/rollback"))
    assert "v1 returns to production, and v3 is archived." in back


def test_who_may_not_act_sees_why_and_who_may(
    served: Served, version: Callable[..., int], name: str
) -> None:
    version()
    contributor = page_client(served, Role.CONTRIBUTOR)
    answer = contributor.get(f"/models/{name}/versions/1/promote")
    assert answer.status_code == 403
    assert "requires the permission move" in main_text(answer)
    assert served.registry.get(f"{name}/1").stage != "production"


def test_a_form_without_its_token_or_with_anothers_is_refused(
    served: Served, admin_page: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version()
    path = f"/models/{name}/versions/1/quarantine"
    fields = fields_of(read(admin_page.get(path)), reason="forged")
    other = page_client(served, Role.ADMIN)
    other.get(path)
    without = {key: value for key, value in fields.items() if key != "form_token"}
    answers = [
        admin_page.post(path, data=without),
        other.post(path, data=fields),
        admin_page.post(path, data=fields, headers={"Sec-Fetch-Site": "cross-site"}),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert served.registry.get(f"{name}/1").quarantine_reason is None


@pytest.mark.parametrize("number", ["0", "-1", "2147483648", "latest", "1e3", "٣"])
def test_an_action_on_no_version_is_answered_in_words(
    admin_page: httpx2.Client, version: Callable[..., int], name: str, number: str
) -> None:
    version()
    answer = admin_page.get(f"/models/{name}/versions/{number}/promote")
    assert answer.status_code == 404
    assert "no version has this number" in main_text(answer)
