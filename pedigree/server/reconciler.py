"""What a service does by itself: judge what was left, do what was asked for, draw model cards."""

import logging
import threading

from pedigree.access.reserved import RECONCILER
from pedigree.cards.follower import CardFollower
from pedigree.delivery.background_thread import is_over
from pedigree.errors import ModelNotFoundError, PedigreeError, UnavailableError
from pedigree.registry import Registry
from pedigree.server.http.event_stream import feed_head

_LOG = logging.getLogger(__name__)

_PAUSE_S = 2.0
_PAGE = 1000


class Reconciler:
    """Judges what is unjudged, performs requests that may have passed their last gate, draws cards.

    Any number of processes may do so at once, and none keeps a state that another lacks.
    """

    def __init__(self, registry: Registry) -> None:
        # What the service does by itself is nobody's who started it.
        self._registry = registry.acting_as(RECONCILER)
        self._cards = CardFollower(registry.database, registry.store)
        self._seq: int | None = None
        self._postponed: set[str] = set()

    def run(self, *, stop: threading.Event | None = None) -> int:
        """Look at what may have changed, again and again, until ``stop`` is set."""
        waiting, moved = stop or threading.Event(), 0
        while not is_over(None, stop):
            moved += self.look()
            waiting.wait(_PAUSE_S)
        return moved

    def look(self) -> int:
        """Look once, and return how many versions moved."""
        head, since = feed_head(self._registry), self._seq
        among, self._postponed = self._happened(since, head), set()
        self._seq = None  # if this fails, the next look is at all again
        self._registry.judge_newcomers()
        names = self._registry.names_with_requests(among)
        moved = sum(self._perform(name) for name in names)
        self._seq = head
        self._cards.follow()
        return moved

    def _happened(self, since: int | None, head: int) -> set[str] | None:
        """Return the models that something happened to; None at the first look, which is at all."""
        if since is None:
            return None
        names = set(self._postponed)
        while since < head:
            events = self._registry.events(since, _PAGE)
            names |= {event.model for event in events if event.model}
            since = events[-1].seq if events else head
        return names

    def _perform(self, name: str) -> int:
        try:
            self._registry.renew_verdicts(name)
            return len(self._registry.perform_requests(name))
        except ModelNotFoundError:
            return 0  # deleted meanwhile
        except UnavailableError:
            raise
        except PedigreeError as error:
            self._postponed.add(name)
            _LOG.warning(
                "what was asked for %s is postponed: %s",
                name,
                error,
                extra={"action": "request.postponed", "model": name},
            )
            return 0
