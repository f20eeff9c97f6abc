"""Forms of Admin that were refused: what was typed, and which field was wrong."""

from collections.abc import Mapping
from types import MappingProxyType

from pedigree.errors import PedigreeError
from pedigree.server.web.kept_forms import KeptForm

# Fields of verbs, where the form spells them differently.
_OF_VERBS: Mapping[str, str] = MappingProxyType({"group": "to", "principal": "member"})


class SentForm:
    """A form as its template fills it in.

    Args:
        values: What was typed; empty if it was not sent.
        error: Why it was refused; None if it was not sent.
    """

    def __init__(self, values: Mapping[str, str], error: PedigreeError | None) -> None:
        self._values = values
        self.error = error

    def value(self, name: str, default: str = "") -> str:
        """Return what a field has; the default if the form was not sent."""
        return default if self.error is None else self._values.get(name, "")

    def has(self, name: str) -> bool:
        """Return whether a box was ticked."""
        return name in self._values

    def is_wrong(self, name: str) -> bool:
        """Return whether the form was refused because of a field."""
        given = None if self.error is None else self.error.field
        return given is not None and name in (given, _OF_VERBS.get(given))


_NOT_SENT = SentForm({}, None)


class SentForms:
    """Finds the form of a page that was refused.

    Args:
        kept: What was sent; None if nothing was refused.
        error: Why it was refused.
    """

    def __init__(self, kept: KeptForm | None, error: PedigreeError | None) -> None:
        self._kept = kept
        self._error = error
        self._was_shown = False

    def sent(self, path: str, fields: Mapping[str, object]) -> SentForm:
        """Return a form of the page as it was sent, or as one that was not.

        Args:
            path: The link to which it is sent.
            fields: What nobody types, which tells it from others with the same path.
        """
        if self._kept is None or path != self._kept.action:
            return _NOT_SENT
        typed = dict(self._kept.fields)
        if any(typed.get(name) != str(value) for name, value in fields.items()):
            return _NOT_SENT
        self._was_shown = True
        return SentForm(typed, self._error)

    def was_shown(self) -> bool:
        """Return whether the page shows the form; ask at its end."""
        return self._was_shown
