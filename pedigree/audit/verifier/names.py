"""The names of models over time, replayed from the events: which model an event belongs to."""

from collections.abc import Iterator
from typing import NamedTuple

from .states import ReplayableEvent


class _Holder(NamedTuple):
    log_name: str
    first_version: int


class NameReplay:
    """The models that have or had each name, in that order.

    The numbers of versions never repeat under a name, so a version's event belongs to the last
    holder that began at its number or before. Other events belong to the present holder.
    """

    def __init__(self) -> None:
        self._holders: dict[str, list[_Holder]] = {}

    def log_name(self, event: ReplayableEvent) -> str:
        """Return the log's name of the event's model, and follow the event.

        Raises:
            KeyError, TypeError, ValueError: The event cannot be read.
        """
        name = str(event.model)
        if event.type == "model.created":
            return self._created(name, event)
        holders = self._holders.get(name)
        if not holders:  # of a model without an event of its creation
            return name
        holder = next(_begun(holders, event.version), holders[-1])
        if event.type == "model.renamed":
            holders.remove(holder)
            renamed = holder._replace(first_version=int(event.body["first_version"]))
            self._holders.setdefault(str(event.body["to"]), []).append(renamed)
        return holder.log_name

    def _created(self, name: str, event: ReplayableEvent) -> str:
        # Only a model whose name may have been another's states its number.
        number = event.body.get("model_id")
        log_name = name if number is None else f"{name}/{int(number)}"
        holder = _Holder(log_name, int(event.body.get("first_version", 1)))
        self._holders.setdefault(name, []).append(holder)
        return log_name


def _begun(holders: list[_Holder], version: int | None) -> Iterator[_Holder]:
    if version is not None:
        yield from (each for each in reversed(holders) if each.first_version <= version)
