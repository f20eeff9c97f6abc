"""When two names are equivalent."""

import unicodedata


def name_key(name: str) -> str:
    r"""Return the key by which names are equivalent: case folded, compatible characters unified.

    It is Unicode's compatibility caseless match (definition D146), so a name with full-width
    letters, ligatures or raised digits is equivalent to the plain one. Letters of two scripts that
    look alike stay different.

    >>> name_key("Customer_Churn") == name_key("customer_churn")
    True
    >>> name_key("\N{FULLWIDTH LATIN CAPITAL LETTER C}hurn")
    'churn'
    """
    if name.isascii():  # what follows would only fold its case
        return name.lower()
    folded = unicodedata.normalize("NFD", name).casefold()
    folded = unicodedata.normalize("NFKD", folded).casefold()
    return unicodedata.normalize("NFKC", folded)
