"""Whether events have the bodies that docs/reference/events.md lists."""

from collections.abc import Iterable

from pedigree.audit.records import Event
from tools.reference.event_bodies import BODIES


def require_documented(events: Iterable[Event]) -> set[str]:
    """Require that the bodies of events have the keys that the docs list; return the types."""
    types = set()
    for event in events:
        names = BODIES[event.type]
        always = {name for name in names if not name.endswith("?")}
        known = {name.removesuffix("?") for name in names}
        assert always <= event.body.keys() <= known, (event.type, sorted(event.body))
        types.add(event.type.value)
    return types
