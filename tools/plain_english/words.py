"""The words to avoid, and what to write instead."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SHIELDS = (
    r"proxy|proxies|balancer|firewall|gateway|pooler|PgBouncer|RDS|service|router|API|interface"
)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Words to avoid, as a regular expression, and what to write instead."""

    pattern: re.Pattern[str]
    instead: str


@dataclass(frozen=True, kw_only=True)
class Match:
    """Words that a text should not have, and where in the text they begin."""

    start: int
    words: str
    instead: str


def _rule(pattern: str, instead: str) -> Rule:
    spaced = pattern.replace(" ", r"\s+")
    return Rule(pattern=re.compile(rf"\b(?:{spaced})\b", re.IGNORECASE), instead=instead)


RULES = (
    _rule(r"told", "notified, informed, or the verb of what happens"),
    _rule(r"said", "stated, reported, or the verb of what happens"),
    _rule(r"tells? (?:\w+ )?of", "reports, describes, contains"),
    _rule(r"telling of", "reporting, describing"),
    # "Behind a proxy" and "two versions behind" are plain English.
    _rule(
        r"(?<!far\s)(?<!is\s)(?<!are\s)(?<!was\s)(?<!falls\s)(?<!fell\s)(?<!be\s)(?<!more\s)"
        r"(?<!most\s)(?<!left\s)(?<!leave\s)(?<!leaves\s)"
        r"(?<!versions\s)(?<!lags\s)"
        rf"behind(?! (?:\w+ ){{0,2}}(?:{_SHIELDS}))",
        "after",
    ),
    _rule(r"anew", "again"),
    _rule(r"so many", "a number, this many"),
    _rule(r"so long", "a time, this long, as long as"),
    _rule(r"whoever", "anyone who, the person who"),
    _rule(r"lets? go of|letting go of", "releases"),
    _rule(r"lies|lay (?:in|on|at|beside|behind|there)", "is, is stored"),
    _rule(
        r"(?<!there\s)(?:is|are) no(?! (?:longer|such|more than|less than|later than|worse|new))",
        "is not a, has no",
    ),
    _rule(r"for ever", "forever, without limit"),
    _rule(r"of before|of then", "earlier, previous"),
    _rule(r"goes by|go by|went by|going by", "uses, follows"),
    _rule(r"(?:is|are|was|were) to be", "must be, will be"),
    _rule(r"in (?:the|its|their) midst(?: of)?", "during, in the middle"),
    _rule(r"no more(?! than)", "no longer, not again"),
    _rule(r"hold against|holds against|held against", "compared with"),
    _rule(r"by turns", "alternately"),
    _rule(r"as ever", "as usual"),
    _rule(r"will do(?! (?:it|this|that|so))", "is enough"),
    _rule(r"say yes|says yes|a yes", "approve, approval"),
    _rule(r"say no|says no", "refuse, reject"),
    _rule(r"mended|mends?", "repaired, repairs"),
    _rule(r"lately", "recently"),
    _rule(r"heeds?|heeded", "follows, honors"),
    _rule(r"brings? along|brought along|came along", "includes, contains"),
    _rule(r"for want of", "because there is no"),
    _rule(r"(?:is|are|be) good for", "is valid for"),
    _rule(r"passed (?:by|over)", "ignored, skipped"),
    _rule(r"at work", "in progress, running"),
    _rule(r"(?:is|are|was|were) away", "is unavailable"),
    _rule(r"learnt|behaviours?|colours?|licences?|artefacts?|whilst|amongst", "American spelling"),
)


def matches(text: str) -> Iterator[Match]:
    """Yield the words of a text that it should not have.

    >>> [found.words for found in matches("Only events behind this seq")]
    ['behind']
    >>> list(matches("The service runs behind a reverse proxy"))
    []
    """
    for rule in RULES:
        for found in rule.pattern.finditer(text):
            yield Match(start=found.start(), words=found[0], instead=rule.instead)
