"""Where a sign-in leads: a path of ours alone, or the list of models."""

import re

from pedigree.server.web.links import HOME, SIGN_IN, SIGN_OUT

_LONGEST = 1_000
# A browser reads "//" and "/\" as another host, and leaves out control characters before it looks.
_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


def way_back(given: str | None) -> str:
    """Return the path that somebody wanted; that of the list of models if it is not one of ours.

    >>> way_back("/models/churn?sort=name"), way_back("//evil.example"), way_back("https://a")
    ('/models/churn?sort=name', '/', '/')
    """
    if given is None or len(given) > _LONGEST or not _PATH.fullmatch(given):
        return HOME
    path = given.partition("?")[0].partition("#")[0]
    has_dots = any(each in ("", ".", "..") for each in path[1:].split("/")[:-1])
    return HOME if has_dots or path.startswith((SIGN_IN, SIGN_OUT)) else given
