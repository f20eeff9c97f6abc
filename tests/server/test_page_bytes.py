"""Pages are bounded in bytes as well as in records, and the pages together are the whole list."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pandas as pd
import psutil
import pytest

from pedigree.access.records import Permission, Role
from pedigree.client.connect import connect
from pedigree.datasets.records import Datasheet, DataState, DataVerdict
from pedigree.lifecycle.records import ApprovalRule, Policy, Verdict
from pedigree.lineage.usages import NewUsage, Written
from pedigree.monitoring.profile import profile
from pedigree.monitoring.records import DriftRule
from pedigree.server import middleware
from pedigree.settings import Settings
from tests.factories import SECRET_KEY, free_policy, register
from tests.identities import see
from tests.lifecycle.deciding import ANN
from tests.lineage.graphs import graph, node
from tests.server.conftest import Served, serving
from tests.server.routes import protected

BYTES = 20_000
# Each record of the lists below is larger than a third of a page.
LONG = "x" * 7_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DECIDED = "/models/decided"
BACKWARD = {"timeline", "list_drift"}


@pytest.fixture(scope="module")
def served(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with small pages, and lists of large records of every kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(middleware, "_PAGE_BYTES", BYTES)
        more = {"secret_key": SECRET_KEY, "serve_delivers": False}
        with serving(settings.model_copy(update=more)) as served:
            furnish(served, tmp_path_factory.mktemp("large"))
            furnish_version(served, tmp_path_factory.mktemp("decided"))
            furnish_overrides(served)
            furnish_lineage(served, tmp_path_factory.mktemp("wide"))
            yield served


def furnish(served: Served, folder: Path) -> None:
    registry = served.registry
    stages = tuple(
        each.model_copy(update={"approvals": ApprovalRule()} if each.name == "staging" else {})
        for each in free_policy().stages
    )
    registry.create_model("large")
    registry.set_policy("large", Policy(stages=stages))
    for number in range(7):
        registry.create_model(f"model-{number}", description=LONG)
        register(registry, folder, f"bytes {number}", "large", params={"p": LONG})
        register(registry, folder, "same", "trained", run_id=f"r{number}", params={"p": LONG})
        see(registry, f"person-{number}", groups=tuple(f"{n}{'g' * 200}" for n in range(40)))
        registry.create_webhook(f"https://ci.example/{number}", description=LONG)
        registry.quarantine("raw", f"p{number}", reason=LONG[:2000] * 3)
        registry.request_stage(f"large/{number + 1}", "staging", reason=LONG)
        registry.set_alias("large", "best", number + 1, reason=LONG)
        many = [f"{n}{'m' * 200}" for n in range(40)]
        registry.grant_access("reader", f"t{number}", models=many)
        registry.define_role(f"role-{number}", [Permission.READ], description=LONG)
        registry.create_group(f"group-{number}", description=LONG)
        registry.set_policy_default(f"risk-{number}", free_policy(), reason=LONG)
        registry.create_token(f"t{number}", roles=[Role.READER], models=many)


def furnish_lineage(served: Served, folder: Path) -> None:
    """Versions that depend on much of the same data, and much that was written with one of them."""
    registry = served.registry
    for number in range(7):
        parts = [
            node(1 + part, "raw/wide", f"{part}-{'p' * 500}", data_version="v")
            for part in range(14)
        ]
        register(registry, folder, f"wide {number}", "wide", lineage=graph(*parts))
        written = Written(storage_id=number, data_version=LONG, code_version="1", written_at=NOW)
        use = NewUsage(asset=f"scores-{number}", run_id="r", written=written)
        registry.operations.usages.record_usage("trained/1", use)
        registry.set_datasheet(f"sheet-{number}", Datasheet(motivation=LONG))


def furnish_version(served: Served, folder: Path) -> None:
    """A version with large records of every kind that a version has."""
    registry = served.registry
    reference = register(registry, folder, "decided", "decided")
    data = pd.DataFrame({"age": range(10)})
    registry.keep_profile(reference, profile(data))
    registry.measure_drift(reference, data, asset="raw")
    for number in range(7):
        stages = free_policy().stages
        drift = DriftRule(windows=number + 1)
        registry.set_policy("decided", Policy(stages=stages, drift=drift), reason=LONG)
        registry.approve(reference, "staging", comment=LONG, actor=ANN)
        registry.set_alias("decided", f"alias-{number}", 1, reason=LONG)
        said = {"passed": True, "severity": "error", "summary": "", "details": {"p": LONG}}
        digest = registry.get(reference).digest
        # One check with several settings, and several checks.
        for check, settings in (("same", {"n": number} if number else None), (f"{number}", None)):
            verdict = {**said, "check": check, "settings": settings, "digest": digest}
            registry.record_verdict(reference, Verdict.model_validate(verdict))
        found = {**said, "asset": "raw", "data_version": "v", "check": f"check-{number}"}
        registry.record_data_verdict(DataVerdict.model_validate(found))
    copied = (
        "INSERT INTO pedigree.drift_result (model_id, version, asset, partition, drifted, result,"
        " profile, html, markdown, recorded_at, recorded_by) SELECT model_id, version, asset,"
        f" n::text, drifted, jsonb_set(result, '{{baseline_name}}', to_jsonb('{LONG}'::text)),"
        " profile, html, markdown, recorded_at, recorded_by"
        " FROM pedigree.drift_result, generate_series(1, 9) AS n"
    )
    registry.database.transaction(lambda transaction: transaction.execute(copied))


def furnish_overrides(served: Served) -> None:
    """Overrides of a version that were long to explain."""
    copied = (
        "INSERT INTO pedigree.stage_override (model_id, version, digest, author, from_stage,"
        " to_stage, generation, gates, reason, overridden_by, overridden_by_source, at)"
        " SELECT v.model_id, v.version, v.digest, v.created_by, 'none', 'staging', -n,"
        f""" '[{{"name": "approvals", "reason": "1 approval"}}]', '{LONG}', 'ann', 'test', now()"""
        " FROM pedigree.model_version v JOIN pedigree.registered_model m USING (model_id),"
        " generate_series(1, 7) AS n WHERE m.name = 'decided'"
    )
    served.registry.database.transaction(lambda transaction: transaction.execute(copied))


LISTS: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "list_models": ("/models", lambda item: item["name"]),
    "list_versions": ("/models/large/versions", lambda item: item["version_id"]),
    "list_trainings": ("/models/trained/versions/1/trainings", lambda item: item["training_id"]),
    "search": ("/search?filter=name%3D'large'", lambda item: item["version_id"]),
    "list_events": ("/events", lambda item: item["seq"]),
    "list_quarantines": ("/quarantines", lambda item: item["quarantine_id"]),
    "list_requests": ("/requests", lambda item: item["request_id"]),
    "list_requests_of_model": ("/models/large/requests", lambda item: item["request_id"]),
    "timeline": ("/models/large/timeline", lambda item: item["tenure_id"]),
    "list_tokens": ("/tokens", lambda item: item["token_id"]),
    "list_principals": ("/access/principals", lambda item: item["principal_id"]),
    "list_grants": ("/access/grants", lambda item: item["grant_id"]),
    "list_roles": ("/access/roles", lambda item: item["name"]),
    "list_groups": ("/access/groups", lambda item: item["name"]),
    "list_webhooks": ("/webhooks", lambda item: item["webhook_id"]),
    "list_verdicts": (f"{DECIDED}/versions/1/verdicts", lambda item: item["verdict_id"]),
    "list_decisions": (f"{DECIDED}/versions/1/approvals", lambda item: item["decision_id"]),
    "list_overrides": (f"{DECIDED}/versions/1/overrides", lambda item: item["override_id"]),
    "list_tenures": (f"{DECIDED}/versions/1/tenures", lambda item: item["tenure_id"]),
    "list_drift": (f"{DECIDED}/versions/1/drift", lambda item: item["drift_id"]),
    "get_as_of": (f"{DECIDED}/as-of?moment=2100-01-01T00:00:00Z", lambda item: item["tenure_id"]),
    "list_policies": (f"{DECIDED}/policy/history", lambda item: item["revision"]),
    "list_policy_defaults": ("/policy-defaults", lambda item: item["pattern"]),
    "get_impact": ("/impact?asset=raw/wide", lambda item: item["version"]),
    "get_downstream": ("/models/trained/versions/1/downstream", lambda item: item["usage_id"]),
    "list_datasheets": (
        f"/datasheets?{'&'.join(f'asset=sheet-{n}' for n in range(7))}",
        lambda item: item["asset"],
    ),
    "list_data_verdicts": (
        "/data/verdicts?asset=raw&data_version=v",
        lambda item: item["data_verdict_id"],
    ),
}


def test_every_route_with_pages_is_tried() -> None:
    paged = {
        each.route.name
        for each in protected("GET")
        if "limit" in {field.alias for field in each.route.dependant.query_params}  # type: ignore[attr-defined]
    }
    # These read pages of bytes too, but no field of their records may be long enough for the test.
    small = {"list_unmaterialized", "list_deliveries", "list_candidacies"}
    # Its pages are JSON lines: test_log_tiles.py reads them.
    lines = {"get_log_events"}
    assert paged == LISTS.keys() | small | lines


@pytest.mark.parametrize("name", LISTS)
def test_a_page_ends_at_its_bytes_and_the_next_one_continues(
    admin: httpx2.Client, name: str
) -> None:
    path, key = LISTS[name]
    found: list[object] = []
    pages = 0
    url: str | None = path
    while url is not None:
        answer = admin.get(url)
        assert answer.status_code == 200, answer.text
        # JSON has the names of fields, which a row has not.
        assert len(answer.content) < 2 * BYTES
        body = answer.json()
        items = items_of(body)
        # Some lists are read backward, each page in order.
        found = [*map(key, items), *found] if name in BACKWARD else [*found, *map(key, items)]
        pages += 1
        link = answer.headers.get("link")
        if name == "search":
            url = f"{path}&after={body['next']}" if body["next"] else None
        else:
            url = link[1 : link.index(">")].removeprefix("/api/v1") if link else None
    whole = [key(each) for each in everything(admin, path)]
    assert found == whole
    assert len(set(map(str, found))) == len(found)
    assert pages > 2, (name, pages)


def everything(admin: httpx2.Client, path: str) -> list[dict[str, Any]]:
    """The same list in one page of any size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(middleware, "_PAGE_BYTES", 1 << 30)
        body = admin.get(path if "?" in path else f"{path}?limit=1000").json()
    return items_of(body)


def items_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of a page, under whatever name."""
    names = ("items", "records", "usages", "certain", "possible", "unknown")
    return [each for name in names for each in body.get(name, ()) if isinstance(each, dict)]


def test_a_record_larger_than_a_page_is_a_page(served: Served, admin: httpx2.Client) -> None:
    changed = admin.patch("/models/model-3", json={"description": "y" * 3 * BYTES})
    assert changed.status_code == 200
    page = admin.get("/models?after=model-2&limit=2").json()
    assert [each["name"] for each in page["items"]] == ["model-3"]
    assert page["next"] == "model-3"


def test_the_client_returns_what_its_caller_asked_for(served: Served) -> None:
    secret = served.registry.create_token("reader", roles=[Role.READER]).secret
    with connect(served.url, token=secret) as registry:
        assert registry.versions("large") == served.registry.versions("large")
        assert registry.versions("large", limit=6) == served.registry.versions("large", limit=6)
        newest = registry.versions("large", newest_first=True, limit=5)
        assert [each.version_id for each in newest] == [7, 6, 5, 4, 3]
        assert registry.models() == served.registry.models()
        assert registry.timeline("large", limit=5) == served.registry.timeline("large", limit=5)
        for verb in ("verdicts", "decisions", "overrides", "tenures", "drift", "candidacies"):
            ours, theirs = getattr(served.registry, verb), getattr(registry, verb)
            assert theirs("decided/1") == ours("decided/1"), verb
            assert theirs("decided/1", limit=5) == ours("decided/1", limit=5), verb
        history = registry.policy_history("decided", limit=5, after=1)
        assert history == served.registry.policy_history("decided", limit=5, after=1)
        assert [each.revision for each in history] == [2, 3, 4, 5, 6]
        assert registry.impact("raw/wide") == served.registry.impact("raw/wide")
        assert len(registry.impact("raw/wide", limit=5).versions) == 5
        found = registry.downstream("trained/1")
        assert found == served.registry.downstream("trained/1")
        sheets = [f"sheet-{number}" for number in range(7)] * 20 + ["none"]
        assert registry.datasheets(sheets) == served.registry.datasheets(sheets)
        now = datetime.now(UTC)
        assert registry.as_of("decided", now) == served.registry.as_of("decided", now)
        states = [DataState(asset="raw", data_version="v"), DataState(asset="other")]
        for most in (1000, 5):
            verdicts = registry.data_verdicts(states, limit=most)
            assert verdicts == served.registry.data_verdicts(states, limit=most)
            assert len(verdicts) == min(most, 7)
        events = served.registry.events(limit=1000)
        assert registry.events(limit=1000) == events[: len(registry.events(limit=1000))]
        assert [each.name for each in registry.each_model()] == [
            each.name for each in served.registry.each_model()
        ]


@pytest.mark.system
def test_many_readers_of_large_versions_take_bounded_memory(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    """Ten readers that list twelve versions of 2.5 MB cost 1 GB when a page had no bound."""
    large = settings.model_copy(update={"database_url": database_url})
    process = psutil.Process()
    with serving(large) as served:
        for number in range(12):
            register(served.registry, tmp_path, f"b{number}", "heavy")
        # As before params had a bound.
        heavy = (
            "UPDATE pedigree.training SET params = jsonb_build_object('p', repeat('z', 2500000))"
        )
        served.registry.database.transaction(lambda t: t.execute(heavy))
        readers = [served.client(Role.READER) for _ in range(10)]

        def read(client: httpx2.Client) -> int:
            return len(client.get("/models/heavy/versions").json()["items"])

        read(readers[0])
        before = process.memory_info().rss
        with ThreadPoolExecutor(10) as pool:
            for _ in range(3):
                assert set(pool.map(read, readers)) == {1}
        # The clients are in this process as well.
        assert process.memory_info().rss - before < 256 << 20
