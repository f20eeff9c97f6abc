"""The types of events have one grammar; docs/reference/events.md is generated from them."""

import re

from pedigree.audit.event_types import EventType


def test_types_have_one_grammar() -> None:
    for kind in EventType:
        assert re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", kind), kind
        assert kind.name == kind.replace(".", "_").upper()
        assert kind.about, kind
