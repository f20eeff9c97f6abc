"""Cards with the names of people: what is kept of a card has pseudonyms."""

from pedigree.access.pseudonyms import Names
from pedigree.cards._front_matter import FRONT_MATTER_END
from pedigree.markdown import shown


def named(markdown: str, names: Names) -> str:
    """Return the text of a card with names instead of pseudonyms, escaped as its other texts.

    The front matter names nobody.
    """
    head, end, text = markdown.partition(FRONT_MATTER_END)
    return head + end + names.shown(text, escaped=shown)
