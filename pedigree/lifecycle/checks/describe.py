"""The description of a check and its settings, for people who read its verdicts."""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import JsonValue

from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.checks.base import Check
from pedigree.lifecycle.records import CheckRule, Policy, Severity


def described(name: str, policy: Policy) -> str:
    """Return a check's requirement, and the settings with which a policy's stages require it.

    Such as *Enough of the model card's fields are provided. For staging: percent 60; a failure only
    warns.*

    Raises:
        InvalidPolicyError: The check does not accept a rule's settings.
    """
    check = CHECKS[name]
    asking: dict[str, list[str]] = {}
    for stage in policy.stages:
        for rule in (each for each in stage.checks if each.name == name):
            asking.setdefault(_terms(check, rule, policy), []).append(stage.name)
    sentences = [_sentence(stages, terms) for terms, stages in asking.items()]
    return " ".join([f"{check.asks}.", *(sentences or ["No stage requires it."])])


def _sentence(stages: Sequence[str], terms: str) -> str:
    asked = f"For {', '.join(stages)}"
    return f"{asked}: {terms}." if terms else f"{asked}."


def _terms(check: Check, rule: CheckRule, policy: Policy) -> str:
    settings = check.filled(policy, check.read(rule.settings)).model_dump(mode="json")
    terms = [f"{name} {_value(each)}" for name, each in settings.items() if each not in (None, [])]
    if rule.max_age is not None:
        terms.append(f"at most {_days(rule.max_age)} old")
    if rule.severity is Severity.WARN:
        terms.append("a failure only warns")
    return "; ".join(terms)


def _value(value: JsonValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _days(age: timedelta) -> str:
    return f"{age / timedelta(days=1):g} days"
