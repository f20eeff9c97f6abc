"""``/metrics`` reports the whole service, and the changes of other processes.

After adding a number, refresh the table of docs/operations.md::

    REFRESH=1 python -m pytest tests/server/test_metrics.py
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from pedigree.access.records import Role
from pedigree.failures.member_loop import MemberLoop
from pedigree.failures.records import BackgroundWork
from pedigree.postgres.transaction import Transaction
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.factories import SECRET_KEY, free_policy
from tests.integration.polling import eventually
from tests.server.conftest import Served, serving

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "operations.md"
# What the sequencer of the feed holds while it works.
_LEAD = "SELECT pg_advisory_xact_lock(hashtextextended('pedigree.sequencer', 0))"
PROMETHEUS = ROOT / "examples" / "prometheus"
TABLE = re.compile(r"\| number \| labels \| what it is \|\n(\|.*\n)+")

Scrape = Callable[[], dict[str, Metric]]


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Served]:
    """A service without deliveries, so that pending work stays pending."""
    more = {
        "secret_key": SECRET_KEY,
        "serve_delivers": False,
    }
    with serving(settings.model_copy(update=more)) as served:
        yield served


@pytest.fixture
def scrape(served: Served, monkeypatch: pytest.MonkeyPatch) -> Scrape:
    """Scrape as Prometheus does."""
    monkeypatch.setattr("pedigree.server.registry_metrics._KEPT_S", 0.0)
    reader = served.client(Role.READER)

    def scraped() -> dict[str, Metric]:
        answer = reader.get(f"{served.url}/metrics").raise_for_status()
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return {one.name: one for one in text_string_to_metric_families(answer.text)}

    return scraped


def value(scraped: dict[str, Metric], name: str, **labels: str) -> float:
    """The value of the only sample with these labels; 0 if there is none."""
    found = [
        sample.value
        for metric in scraped.values()
        for sample in metric.samples
        if sample.name == name and sample.labels == labels
    ]
    assert len(found) <= 1
    return found[0] if found else 0.0


def move_and_judge(registry: Registry, reference: str) -> None:
    """Make one change of each counted kind."""
    registry.set_policy(reference.partition("/")[0], free_policy())
    registry.promote(reference, "staging")
    registry.run_check(reference, "artifact_intact")


def let_webhook_and_sink_wait(registry: Registry) -> str:
    """Create a sink and a webhook without a worker; return the webhook's id."""
    registry.database.transaction(
        lambda transaction: transaction.execute(
            "INSERT INTO pedigree.sink VALUES ('kafka://b/t') ON CONFLICT DO NOTHING"
        )
    )
    return str(registry.create_webhook("https://example.com/").webhook.webhook_id)


def scrape_sealed(scrape: Scrape) -> dict[str, Metric]:
    """Scrape until each event has its place, which another reader of the feed may be giving."""

    def look() -> dict[str, Metric] | None:
        found = scrape()
        return None if value(found, "pedigree_unsealed_events") else found

    return eventually(look, 30, "a place for each event")


def test_failing_members_are_counted_by_their_work(served: Served, scrape: Scrape) -> None:
    name = "pedigree_failing_members"
    assert value(scrape(), name, work=BackgroundWork.CARDS) == 0
    samples = [s for metric in scrape().values() for s in metric.samples if s.name == name]
    assert {sample.labels["work"] for sample in samples} == set(map(str, BackgroundWork))
    loop = MemberLoop(served.registry.database, BackgroundWork.CARDS)
    for member in ("a/1", "b/1"):
        loop.fail(member, "it cannot be drawn")
    assert value(scrape(), name, work=BackgroundWork.CARDS) == 2
    loop.recover("a/1")
    loop.recover("b/1")
    assert value(scrape(), name, work=BackgroundWork.CARDS) == 0


def test_requests_are_counted_by_route_template(
    served: Served, admin: httpx2.Client, scrape: Scrape, name: str
) -> None:
    before = scrape()
    admin.post("/models", json={"name": name}).raise_for_status()
    for tried in (name, name, "never-was"):
        admin.get(f"/models/{tried}")
    admin.get("/nowhere/at/all")
    admin.request("PROPFIND", f"/models/{name}")
    after = scrape()

    def rise(sample: str, **labels: str) -> float:
        return value(after, sample, **labels) - value(before, sample, **labels)

    read = {"method": "GET", "route": "/api/v1/models/{name}"}
    assert rise("pedigree_http_requests_total", **read, status="200") == 2
    assert rise("pedigree_http_requests_total", **read, status="404") == 1
    assert rise("pedigree_http_request_duration_seconds_count", **read) == 3
    lost = {"method": "none", "route": "none", "status": "404"}
    assert rise("pedigree_http_requests_total", **lost) == 1
    odd = {"method": "none", "route": "/api/v1/models/{name}", "status": "405"}
    assert rise("pedigree_http_requests_total", **odd) == 1
    labels = [sample.labels for metric in after.values() for sample in metric.samples]
    assert not [each for each in labels if re.search(f"{name}|nowhere|PROPFIND", str(each))]


def test_what_was_done_in_process_is_counted_too(
    served: Served, scrape: Scrape, version: Callable[..., int], name: str
) -> None:
    before = scrape()

    def unsealed(sequencer: Transaction) -> dict[str, Metric]:
        sequencer.execute(_LEAD)
        move_and_judge(served.registry, f"{name}/{version()}")
        return scrape()

    after = served.registry.database.transaction(unsealed)
    for sample, labels in (
        ("pedigree_registrations_total", {}),
        ("pedigree_events_total", {"type": "version.created"}),
        ("pedigree_promotions_total", {"stage": "staging"}),
        ("pedigree_checks_total", {"check": "artifact_intact", "passed": "true"}),
    ):
        assert value(after, sample, **labels) == value(before, sample, **labels) + 1, sample
    # Counted before it had a place in the feed, and not twice since.
    assert value(after, "pedigree_unsealed_events") > 0
    again = scrape_sealed(scrape)
    assert value(again, "pedigree_registrations_total") == value(
        after, "pedigree_registrations_total"
    )


def test_metadata_that_the_schema_refuses_is_counted(
    admin: httpx2.Client, scrape: Scrape, name: str
) -> None:
    route = {"route": "/api/v1/models/{name}/versions"}
    before = value(scrape(), "pedigree_schema_failures_total", **route)
    body = {"files": [], "version": {"metadata": {"flavor": "generic", "metrics": {"auc": "x"}}}}
    assert admin.post(f"/models/{name}/versions", json=body).status_code == 400
    assert value(scrape(), "pedigree_schema_failures_total", **route) == before + 1


def test_pending_work_is_reported_with_its_age(served: Served, scrape: Scrape, name: str) -> None:

    def unsealed(sequencer: Transaction) -> dict[str, Metric]:
        sequencer.execute(_LEAD)
        served.registry.create_model(name)
        return scrape()

    late = served.registry.database.transaction(unsealed)
    assert value(late, "pedigree_sealer_lag_seconds") > 0
    webhook = let_webhook_and_sink_wait(served.registry)
    sealed = scrape_sealed(scrape)
    assert value(sealed, "pedigree_sealer_lag_seconds") == 0
    assert value(sealed, "pedigree_sink_behind_events", sink="kafka://b/t") > 0
    assert value(sealed, "pedigree_sink_lag_seconds", sink="kafka://b/t") > 0
    # It was made behind all that had a place then, and nobody reads the feed for it.
    assert value(sealed, "pedigree_outbox_age_seconds", webhook=webhook) > 0


def test_the_documented_metrics_are_current(
    served: Served, admin: httpx2.Client, scrape: Scrape, version: Callable[..., int], name: str
) -> None:
    move_and_judge(served.registry, f"{name}/{version()}")
    let_webhook_and_sink_wait(served.registry)
    admin.post(f"/models/{name}/versions", json={"version": {"metadata": 1}})
    rows = ""
    for one in scrape().values():
        kind = f"{one.name}_total" if one.type == "counter" else one.name
        labels = sorted({label for each in one.samples for label in each.labels} - {"le"})
        named = ", ".join(f"`{label}`" for label in labels)
        rows += f"| `{kind}` | {named} | {one.documentation} |\n"
    table = f"| number | labels | what it is |\n|---|---|---|\n{rows}"
    text = DOCS.read_text(encoding="utf-8")
    if os.environ.get("REFRESH"):
        text = TABLE.sub(lambda _: table, text)
        DOCS.write_text(text, encoding="utf-8")
    found = TABLE.search(text)
    assert found is not None
    assert found[0] == table, "see this file's first lines"


def test_scraping_requires_permission_to_read_all_models(served: Served, name: str) -> None:
    url = f"{served.url}/metrics"
    assert httpx2.get(url).status_code == 401
    assert served.client(Role.READER, models=(name,)).get(url).status_code == 403
    assert served.client(Role.READER).get(url).status_code == 200


def test_the_example_alerts_ask_for_numbers_that_there_are() -> None:
    scraping = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    (file,) = scraping["rule_files"]
    (group,) = yaml.safe_load((PROMETHEUS / file).read_text())["groups"]
    named = set()
    for rule in group["rules"]:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        named |= set(re.findall(r"pedigree_\w+", rule["expr"]))
    documented = set(re.findall(r"^\| `(pedigree_\w+)`", DOCS.read_text(), flags=re.MULTILINE))
    assert {name.removesuffix("_bucket") for name in named} <= documented


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on the PATH")
def test_promtool_finds_nothing_wrong_with_the_example() -> None:
    for words in (("check", "config", "--syntax-only"), ("check", "rules")):
        file = "pedigree.rules.yml" if "rules" in words else "prometheus.yml"
        command = ["promtool", *words, PROMETHEUS / file]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
