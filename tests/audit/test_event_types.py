"""The types of events have one grammar; docs/reference/events.md is generated from them."""

import re

from pedigree.audit.event_types import EventType
from tools.reference.event_bodies import BODIES
from tools.reference.events import events_page


def test_types_have_one_grammar() -> None:
    for kind in EventType:
        assert re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", kind), kind
        assert kind.name == kind.replace(".", "_").upper()
        assert kind.about, kind


def test_the_page_of_events_has_all_types_with_their_bodies() -> None:
    assert BODIES.keys() == set(EventType)
    rows = re.findall(r"^\| `([a-z_.]+)` \| [^|]+ \| (.+) \|$", events_page(), re.MULTILINE)
    shown = {kind: re.findall(r"`([a-z_0-9]+)`", body) for kind, body in rows}
    assert shown == {
        kind.value: [name.removesuffix("?") for name in names] for kind, names in BODIES.items()
    }
