"""How the URL of the front page asks for a list: its search, choices, order and page."""

import re
from typing import NamedTuple, Self, TypeVar

from starlette.datastructures import QueryParams

from pedigree.catalog.metadata_fields import RiskClass
from pedigree.catalog.overview.records import Attention, ModelFacet, ModelFilter, ModelOrder
from pedigree.errors import InvalidInputError

SEARCH, SORT, AFTER, UNFOLD = "q", "sort", "after", "unfold"
_NAMES = (SEARCH, *(each.value for each in ModelFacet), SORT, AFTER, UNFOLD)
_MOST_FILTER = 8_000
_MOST_WORDS = 1_000
_MOST_CHOSEN = 1_000

# What words do not have: signs of comparison, and keywords before a value.
_OF_FILTERS = re.compile(
    r"""[=<>]|\b(?:like|ilike|match|in)\s*[('"]|\bis\s+(?:not\s+)?(?:null|true|false)\b""",
    re.IGNORECASE,
)

Word = TypeVar("Word", ModelOrder, ModelFacet, Attention, RiskClass)


class ListQuestion(NamedTuple):
    """What the front page is asked for.

    Attributes:
        text: What is searched for: words, or a filter of versions.
        choices: The chosen values by facet.
        order: The order of the list.
        after: Where the page begins; None for the first one.
        unfolded: The facet that shows more of its values.
    """

    text: str
    choices: dict[ModelFacet, str]
    order: ModelOrder
    after: str | None
    unfolded: ModelFacet | None

    @classmethod
    def of(cls, query: QueryParams) -> Self:
        """Return the question of a URL.

        Raises:
            InvalidInputError: It has a parameter that the page does not know, or twice, or with a
                value that it cannot have.
        """
        _require_names(query)
        text = query.get(SEARCH, "").strip()
        most = _MOST_FILTER if is_filter(text) else _MOST_WORDS
        _require_short(SEARCH, text, most)
        choices = {each: query[each.value] for each in ModelFacet if query.get(each.value)}
        for facet, value in choices.items():
            _require_short(facet.value, value, _MOST_CHOSEN)
        if ModelFacet.ATTENTION in choices:
            _word(Attention, ModelFacet.ATTENTION.value, choices[ModelFacet.ATTENTION])
        if ModelFacet.RISK_CLASS in choices:
            _word(RiskClass, ModelFacet.RISK_CLASS.value, choices[ModelFacet.RISK_CLASS])
        unfold = query.get(UNFOLD)
        return cls(
            text,
            choices,
            _word(ModelOrder, SORT, query.get(SORT) or ModelOrder.NAME.value),
            query.get(AFTER) or None,
            _word(ModelFacet, UNFOLD, unfold) if unfold else None,
        )

    @property
    def finds_versions(self) -> bool:
        """Whether the text is a filter, which is about versions."""
        return is_filter(self.text)

    @property
    def is_plain(self) -> bool:
        """Whether it asks for all models."""
        return not self.text and not self.choices

    @property
    def filter(self) -> ModelFilter:
        """What the listed models have in common."""
        chosen = {facet.value: value for facet, value in self.choices.items()}
        return ModelFilter.model_validate({"words": self.text, **chosen})

    def query(self) -> dict[str, str | None]:
        """Return the query of the URL that asks the same from the first page on."""
        return {
            SEARCH: self.text or None,
            **{facet.value: self.choices.get(facet) for facet in ModelFacet},
            SORT: None if self.order is ModelOrder.NAME else self.order.value,
        }

    def with_choice(self, facet: ModelFacet, value: str | None) -> dict[str, str | None]:
        """Return the same with another value of a facet; without one if it is None."""
        return {**self.query(), facet.value: value}


def is_filter(text: str) -> bool:
    """Return whether a searched text is a filter of versions, or means to be one.

    >>> is_filter("metrics.auc > 0.9"), is_filter("text match 'churn'"), is_filter("made in May")
    (True, True, False)
    """
    return _OF_FILTERS.search(text) is not None


def _require_names(query: QueryParams) -> None:
    given = [name for name, _ in query.multi_items()]
    for name in given:
        if name not in _NAMES:
            raise InvalidInputError(
                "is not a choice of this list", field=name, remedy=f"Give {', '.join(_NAMES)}"
            )
        if given.count(name) > 1:
            raise InvalidInputError("is there twice", field=name, remedy="Give it once")


def _require_short(name: str, text: str, most: int) -> None:
    if len(text) > most:
        raise InvalidInputError(
            f"has {len(text):,} characters",
            field=name,
            value=text,
            remedy=f"Give at most {most:,}",
        )


def _word(known: type[Word], name: str, given: str) -> Word:
    try:
        return known(given)
    except ValueError:
        allowed = ", ".join(each.value for each in known)
        raise InvalidInputError(
            "is none of its values", field=name, value=given, remedy=f"Give one of {allowed}"
        ) from None
