"""The form of an action: what it says, what was typed, and why it was refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from starlette.responses import Response

from pedigree.server.web.action_kinds import FormField
from pedigree.server.web.visits import Visit


@dataclass(frozen=True, kw_only=True)
class ActionForm:
    """A form of an action.

    Attributes:
        heading: What the action does.
        reference: What it does it to.
        says: What will happen.
        fields: Its fields, with what was typed.
        generation: The state of the model that the visitor sees.
        back: The link to the page from which it was opened.
        is_offered: Whether the action makes sense now.
        may: Whether the visitor may do it, as far as grants say.
        who_may: Who may, in words.
        is_grave: Whether it takes something away.
    """

    heading: str
    reference: str
    says: tuple[str, ...]
    fields: tuple[FormField, ...]
    generation: int
    back: str
    is_offered: bool
    may: bool
    who_may: str
    is_grave: bool

    @property
    def typed(self) -> tuple[tuple[str, str], ...]:
        """What was typed, by the labels of its fields."""
        return tuple((each.label, each.value) for each in self.fields if each.value)


def filled(fields: Sequence[FormField], values: Mapping[str, str]) -> tuple[FormField, ...]:
    """Return fields with what was typed into them."""
    return tuple(replace(each, value=values.get(each.name, each.value)) for each in fields)


def form_page(visit: Visit, form: ActionForm) -> Response:
    """Answer with a form; after a refusal with its reason as well."""
    title = f"{form.heading}: {form.reference}"
    return visit.page("act.html", title=title, form=form, error=visit.refused)
