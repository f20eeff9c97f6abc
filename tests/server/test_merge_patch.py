"""PATCH is JSON Merge Patch (RFC 7396) for every resource that has it."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from pedigree.settings import Settings
from tests.factories import SECRET_KEY, register
from tests.server.conftest import Served, serving
from tests.server.routes import protected

TEXT = st.text("aZ0 é", max_size=5)
TAGS = st.dictionaries(st.sampled_from(["team", "tier", "risk"]), TEXT | st.none(), max_size=3)
DESCRIPTION = st.fixed_dictionaries(
    {},
    optional={
        "description": TEXT | st.none(),
        "owners": st.lists(TEXT, max_size=2) | st.none(),
        "tags": TAGS | st.none(),
    },
)
PATTERNS = st.lists(st.sampled_from(["version.*", "*", "model.created"]), max_size=2)
WEBHOOK = st.fixed_dictionaries(
    {},
    optional={
        "url": st.sampled_from(["https://ci.example/a", "https://ci.example/b"]),
        "description": TEXT | st.none(),
        "types": PATTERNS | st.none(),
        "models": st.lists(TEXT, max_size=2) | st.none(),
        "active": st.booleans() | st.none(),
    },
)
# A resource shows a removed member as the value that it has when nobody gave it.
DESCRIPTION_DEFAULTS = {"description": None, "owners": [], "tags": {}}
WEBHOOK_DEFAULTS = {"description": None, "types": [], "models": [], "active": True}


def merge_patch(target: Any, patch: Any) -> Any:
    """The algorithm of RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Served]:
    """A service that can keep webhooks."""
    more = {"secret_key": SECRET_KEY, "serve_delivers": False}
    with serving(settings.model_copy(update=more)) as served:
        yield served


@pytest.fixture(scope="module")
def resources(
    served: Served, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[str, st.SearchStrategy[Any], dict[str, Any]]]:
    """Each resource that can be changed: its path, its changes, and its defaults."""
    name = f"patched-{uuid4().hex[:8]}"
    register(served.registry, tmp_path_factory.mktemp("patched"), "a", name)
    issued = served.registry.create_webhook("https://ci.example/hook")
    webhook = f"/webhooks/{issued.webhook.webhook_id}"
    return {
        "update_model": (f"/models/{name}", DESCRIPTION, DESCRIPTION_DEFAULTS),
        "update_version": (f"/models/{name}/versions/1", DESCRIPTION, DESCRIPTION_DEFAULTS),
        "update_webhook": (webhook, WEBHOOK, WEBHOOK_DEFAULTS),
    }


def test_every_route_with_patch_is_tried(resources: dict[str, Any]) -> None:
    # SCIM has a PATCH of its own (RFC 7644).
    tried = {each.route.name for each in protected("PATCH") if each.is_api}
    assert tried == resources.keys()


@pytest.mark.parametrize("route", ["update_model", "update_version", "update_webhook"])
def test_a_change_is_merged_as_the_standard_says(
    served: Served,
    admin: httpx2.Client,
    resources: dict[str, tuple[str, st.SearchStrategy[Any], dict[str, Any]]],
    route: str,
) -> None:
    path, changes, defaults = resources[route]

    @settings(max_examples=12, deadline=None)
    @given(patch=changes, kind=st.sampled_from(["json", "merge-patch+json"]))
    def check(patch: dict[str, Any], kind: str) -> None:
        before = admin.get(path).json()
        headers = {"Content-Type": f"application/{kind}"}
        answer = admin.request("PATCH", path, content=to_json(patch), headers=headers)
        assert answer.status_code == 200, answer.text
        expected = defaults | merge_patch({name: before[name] for name in defaults}, patch)
        assert {name: answer.json()[name] for name in expected} == expected
        assert {name: admin.get(path).json()[name] for name in expected} == expected

    check()
    assert served.registry.fsck().ok


def test_a_change_of_nothing_writes_nothing(
    served: Served, admin: httpx2.Client, resources: dict[str, Any]
) -> None:
    for path, *_ in resources.values():
        before = written(served)
        assert admin.patch(path, json={}).status_code == 200
        assert written(served) == before


def written(served: Served) -> list[int]:
    """The numbers of the events, without those of the cards that the service draws meanwhile."""
    events = served.registry.events(limit=1000)
    return [event.seq for event in events if "model_card" not in event.body]


def test_a_webhook_keeps_its_url(admin: httpx2.Client, resources: dict[str, Any]) -> None:
    path, *_ = resources["update_webhook"]
    answer = admin.patch(path, json={"url": None})
    assert (answer.status_code, answer.json()["field"]) == (422, "url")


def test_no_change_states_a_default(served: Served) -> None:
    document = httpx2.get(f"{served.url}/openapi.json", timeout=30).json()
    for name in ("Description", "WebhookChange"):
        for field in document["components"]["schemas"][name]["properties"].values():
            assert "default" not in field
