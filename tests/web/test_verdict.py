"""The verdict on a version: one sentence that says everything that is true of it."""

from typing import Any

import pytest

from pedigree._record import RecordPage
from pedigree.catalog.metadata_fields import ApprovalStatus
from pedigree.lifecycle.decision_records import GivenUp
from pedigree.registry.approaches import Approach
from pedigree.registry.version_pages import VersionPage
from pedigree.server.web.verdict import Tone, verdict_of
from tests.web.version_records import NOW, ago, approach, page, request, tenure, version

READY = approach("staging", ("transition", True), ("check a", True))
NOT_READY = approach("staging", ("transition", True), ("check a", False), ("check b", False))
ASKS = approach(
    "production",
    ("transition", True),
    ("approvals", False),
    requests=(request("production"),),
    approvals_given=1,
    approvals_needed=2,
)
ASKS_TWICE = (ASKS, approach("canary", ("soak", False), requests=(request("canary"),)))
GIVEN_UP = GivenUp(stage="staging", attempts=3, run_id="run-9", problem="lost", at=ago(hours=1))


def given_up(by: Approach) -> Approach:
    found = by.explanation.model_copy(update={"given_up": GIVEN_UP})
    return by._replace(explanation=found)


def of(*approaches: Approach, **fields: Any) -> VersionPage:
    return page(version=version(**fields), approaches=approaches)


IN_PRODUCTION = {"stage": "production", "stage_since": ago(days=13)}
IN_STAGING = {"stage": "staging", "stage_since": ago(hours=5)}


@pytest.mark.parametrize(
    ("shown", "sentence", "tone"),
    [
        (of(), "In no stage", "calm"),
        (of(READY), "In no stage, and ready for staging: every gate is passed", "calm"),
        (
            of(NOT_READY),
            "In no stage, and not ready for staging: 2 of 3 gates are not passed",
            "warn",
        ),
        (
            of(approach("staging", ("check a", False), ("check b", True))),
            "In no stage, and not ready for staging: 1 of 2 gates is not passed",
            "warn",
        ),
        (
            of(READY, stage="candidate", stage_since=ago(days=2)),
            "A candidate for 2 d, and ready for staging: every gate is passed",
            "calm",
        ),
        (of(**IN_PRODUCTION), "In production for 13 d", "good"),
        (of(stage="production"), "In production", "good"),
        (of(stage="archived", stage_since=ago(days=40)), "Archived 1 mo ago", "calm"),
        (
            of(**IN_PRODUCTION, quarantine_reason="wrong labels"),
            "In production for 13 d, and in quarantine",
            "bad",
        ),
        (
            of(ASKS, **IN_STAGING),
            "In staging for 5 h, and asks for production: 1 of 2 approvals given",
            "warn",
        ),
        (
            of(ASKS, **IN_STAGING, quarantine_reason="wrong labels"),
            "In staging for 5 h, in quarantine, and asks for production: 1 of 2 approvals given",
            "bad",
        ),
        (
            of(*ASKS_TWICE, **IN_STAGING),
            "In staging for 5 h, asks for production: 1 of 2 approvals given, and asks for canary:"
            " 1 of 1 gate is not passed",
            "warn",
        ),
        (
            of(**IN_STAGING, approval_status=ApprovalStatus.REJECTED),
            "In staging for 5 h, and rejected",
            "bad",
        ),
        (
            of(**IN_PRODUCTION, hold_reason="a lawsuit"),
            "In production for 13 d, and under a legal hold",
            "good",
        ),
        (
            of(given_up(READY)),
            "In no stage, given up by the sensor on its way to staging, and ready for staging:"
            " every gate is passed",
            "calm",
        ),
        (
            of(
                ASKS,
                **IN_STAGING,
                quarantine_reason="wrong",
                hold_reason="law",
                approval_status=ApprovalStatus.REJECTED,
            ),
            "In staging for 5 h, in quarantine, rejected, under a legal hold, and asks for"
            " production: 1 of 2 approvals given",
            "bad",
        ),
    ],
)
def test_the_sentence_says_all_that_is_true(shown: VersionPage, sentence: str, tone: Tone) -> None:
    verdict = verdict_of(shown, NOW)
    assert (verdict.sentence, verdict.tone) == (sentence, tone)


def test_one_approval_that_is_needed_is_said_as_one() -> None:
    asks = ASKS._replace(approvals_given=0, approvals_needed=1)
    assert verdict_of(of(asks), NOW).sentence.endswith("0 of 1 approval given")


def test_gates_that_need_a_person_or_time_wait_and_others_fail() -> None:
    asks = approach(
        "production", ("approvals", False), ("soak", False), ("check a", False), ("verified", True)
    )
    (view,) = verdict_of(of(asks), NOW).approaches
    assert [(each.gate.name, each.waits) for each in view.open_gates] == [
        ("approvals", True),
        ("soak", True),
        ("check a", False),
    ]
    assert [gate.name for gate in view.passed] == ["verified"]


def test_the_way_shows_what_is_held_was_held_is_asked_for_and_is_open() -> None:
    shown = page(
        version=version(stage="staging", stage_since=ago(days=1)),
        approaches=(ASKS,),
        tenures=RecordPage((tenure("stage:candidate"), tenure("alias:challenger"))),
    )
    assert [(step.stage, step.words) for step in verdict_of(shown, NOW).way] == [
        ("candidate", "held before"),
        ("staging", "held now"),
        ("production", "asked for"),
    ]


def test_the_archive_is_on_the_way_only_of_what_is_there() -> None:
    way = verdict_of(of(stage="archived"), NOW).way
    assert [(step.stage, step.passage) for step in way][-1] == ("archived", "holds")
    assert "archived" not in [step.stage for step in verdict_of(of(), NOW).way]


def test_a_stage_that_the_policy_no_longer_has_is_still_on_the_way() -> None:
    way = verdict_of(of(stage="shadow"), NOW).way
    assert ("shadow", "holds") in [(step.stage, step.passage) for step in way]


def test_a_stage_that_could_be_next_is_not_asked_for() -> None:
    verdict = verdict_of(of(READY), NOW)
    assert not verdict.asks
    assert {step.passage for step in verdict.way} == {"open"}
