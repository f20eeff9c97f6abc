"""Events of versions in words, whatever their bodies hold."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor, Event
from pedigree.server.web.event_words import said


def event(kind: EventType, **body: Any) -> Event:
    return Event(
        event_id="0",
        type=kind,
        model="churn",
        version=1,
        at=datetime(2026, 3, 1, tzinfo=UTC),
        actor=Actor(name="ann", source="test"),
        body=body,
        seq=1,
    )


@pytest.mark.parametrize("kind", list(EventType))
def test_every_type_has_words_also_without_its_body(kind: EventType) -> None:
    words = said(event(kind, left_out={"sha256": "0", "bytes": 9}))
    assert words.what
    assert words.why is None


@pytest.mark.parametrize(
    ("kind", "body", "what", "why"),
    [
        (
            EventType.VERSION_STAGE_CHANGED,
            {"from": "none", "to": "staging", "reason": "why not"},
            "moved from none to staging",
            "why not",
        ),
        (
            EventType.VERSION_CHECK_RECORDED,
            {"check": "no_regression", "passed": False, "severity": "warn", "summary": "worse"},
            "check no regression warned",
            "worse",
        ),
        (
            EventType.VERSION_CHECK_RECORDED,
            {"check": "fairness", "passed": True},
            "check fairness passed",
            None,
        ),
        (EventType.VERSION_UPDATED, {"model_card": "sha256:0"}, "model card drawn", None),
        (
            EventType.VERSION_UPDATED,
            {"owners": ["ann"], "description": "x"},
            "owners changed, description changed",
            None,
        ),
        (EventType.VERSION_RELEASED, {"from": ["q"]}, "released from quarantine", None),
        (EventType.VERSION_RELEASED, {"reason": "over"}, "released from a legal hold", "over"),
        (EventType.ALIAS_SET, {"alias": "champion"}, "became @champion", None),
        (EventType.VERSION_APPROVED, {"to_stage": 7, "comment": 3}, "approved for not known", None),
        (
            EventType.VERSION_REJECTED,
            {"to_stage": "production", "comment": "too early"},
            "rejected for production",
            "too early",
        ),
    ],
)
def test_what_happened_is_said_with_its_reason(
    kind: EventType, body: dict[str, Any], what: str, why: str | None
) -> None:
    assert said(event(kind, **body)) == (what, why)
