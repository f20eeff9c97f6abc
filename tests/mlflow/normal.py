"""Answers without what two services cannot share: times, tokens and orders that mean nothing."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_CREATED, _UPDATED = "creation_timestamp", "last_updated_timestamp"
_TOKENS = frozenset({"next_page_token", "token"})
# Lists whose order no client may rely on: MLflow's database gives them in any.
_SORTED = frozenset({"tags", "aliases", "latest_versions"})
_LATEST = "get-latest-versions"
_MARKED = re.compile(r"0x[0-9a-f]+|http://127\.0\.0\.1:\d+|port=\d+")


def normal(value: Any, route: str, key: str = "") -> Any:
    """Return JSON in which times say only how they relate, and tokens only that they are there.

    Args:
        value: The answer of a route, or the result of a call of the client.
        route: Its name.
        key: The field that has the value.
    """
    if isinstance(value, Mapping):
        if value.get("type") == "text/html" and value.get("status", 0) >= 400:
            value = {**value, "answer": None}  # of a page of HTML only its status counts
        path = str(value.get("path", route))
        return {name: _normal_field(name, each, value, path) for name, each in value.items()}
    if isinstance(value, list):
        items = [normal(each, route) for each in value]
        return sorted(items, key=repr) if _is_sorted(key, route) else items
    if isinstance(value, str):
        return _MARKED.sub("…", value)
    return value


def _is_sorted(key: str, route: str) -> bool:
    is_latest = route.replace("_", "-").endswith(_LATEST) and key in ("model_versions", "returned")
    return key in _SORTED or is_latest


def _normal_field(name: str, value: Any, record: Mapping[str, Any], route: str) -> Any:
    if name == _CREATED and isinstance(value, int):
        return "a time"
    if name == _UPDATED and isinstance(value, int):
        created = record.get(_CREATED)
        return "at creation" if value == created else "later" if value > created else "earlier"
    if name in _TOKENS and value:
        return "a token"
    return normal(value, route, name)


def differences(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Yield what differs between two answers, a line for each place."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in sorted({*theirs, *ours}):
            below = f"{path}.{name}" if path else name
            yield from differences(theirs.get(name), ours.get(name), below)
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for place, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(one, other, f"{path}[{place}]")
    elif theirs != ours or isinstance(theirs, bool) != isinstance(ours, bool):
        yield f"{path}: {theirs!r} != {ours!r}"


def updates(state: Any) -> dict[str, int]:
    """Return when each model and version of a state was last updated."""
    models = state["models"].get("registered_models", [])
    versions = state["versions"].get("model_versions", [])
    found = {each["name"]: each[_UPDATED] for each in models}
    return found | {f"{each['name']}/{each['version']}": each[_UPDATED] for each in versions}
