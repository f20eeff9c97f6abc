"""When two names are equivalent, and how Postgres looks for them."""

import re
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


def like_pattern(key: str) -> str:
    r"""Return the pattern of LIKE for a key, in which ``*`` matches any characters.

    >>> print(like_pattern("customer_churn-*"))
    customer\_churn-%
    """
    return re.sub(r"([\\%_])", r"\\\1", key).replace("*", "%")


def person_key(name: str) -> str:
    r"""Return the key by which names of people are equivalent; equal keys are one person.

    Invisible characters and spaces do not count; the database has the same function.

    >>> person_key("Ann@Risk.example") == person_key("a\N{ZERO WIDTH SPACE}nn@risk.example")
    True
    """
    compatible = unicodedata.normalize("NFKC", name)
    return name_key(
        "".join(each for each in compatible if unicodedata.category(each)[0] not in "CZ")
    )
