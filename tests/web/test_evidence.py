"""The print view of a version: everything is there, nothing is folded, what is missing is named."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from pedigree._record import RecordPage
from pedigree.access.records import Role
from pedigree.audit.log_keys import IN_DATABASE
from pedigree.audit.records import Actor
from pedigree.cards.records import CardNotes
from pedigree.datasets.records import Datasheet
from pedigree.lineage.records import Certainty, LineageGraph
from pedigree.lineage.upstream import upstream
from pedigree.registry import Registry
from pedigree.registry.log_sealing import LogSealing
from pedigree.server.web.evidence import PrintedEvidence, missing_evidence
from pedigree.settings import Settings
from tests.databases import Databases
from tests.factories import SECRET_KEY, free_policy, new_version
from tests.lineage.graphs import STEP, edge, node
from tests.server.conftest import Served, serving
from tests.web.reading import Element, read
from tests.web.version_records import page as page_of
from tests.web.version_records import version as version_of

NOTHING = PrintedEvidence(
    upstream=upstream("churn/3", LineageGraph()),
    datasheets={},
    card=None,
    sections=None,
    events=(),
    are_all_events=True,
    checkpoint=None,
    proofs=(),
    may_prove=True,
)


@pytest.fixture(scope="module")
def sealed(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service whose log is sealed, with a version in production of which much is known."""
    with databases.lend() as make:
        home = tmp_path_factory.mktemp("sealed")
        settings = Settings(
            home=home / "home",
            database_url=make(),
            actor="tester",
            secret_key=SECRET_KEY,
            audit_key=IN_DATABASE,
        )
        with serving(settings) as served:
            furnish(served.registry, home / "files")
            yield served


def furnish(registry: Registry, files: Path) -> None:
    files.mkdir()
    (files / "model.bin").write_text("weights")
    lineage = LineageGraph(
        nodes=(STEP, node(1, "features"), node(2, "customers", "2013-01")),
        edges=(edge(0, 1, Certainty.READ), edge(1, 2, Certainty.PROVED)),
    )
    metadata = {"description": "Who leaves", "owners": ("team:retention",), "metrics": {"auc": 0.9}}
    registry.set_policy("churn", free_policy())
    registry.register("churn", files, new_version(lineage=lineage, **metadata))
    registry.set_datasheet("customers", Datasheet(uses="To learn who leaves"))
    registry.run_checks("churn/1")
    approver = registry.acting_as(Actor(name="bob", source="test"))
    approver.approve("churn/1", "production", comment="looks right")
    registry.promote("churn/1", "production", reason="the first one")
    registry.write_card("churn/1", CardNotes(primary_uses="To call them"))
    LogSealing(registry).seal()


@pytest.fixture(scope="module")
def auditor(sealed: Served) -> httpx2.Client:
    client = sealed.client(Role.AUDITOR, accept="text/html")
    client.base_url = httpx2.URL(sealed.url)
    return client


@pytest.fixture(scope="module")
def printed(auditor: httpx2.Client) -> Element:
    answer = auditor.get("/models/churn/versions/1/evidence")
    assert answer.status_code == 200, answer.text
    return read(answer)


def test_nothing_is_folded_and_nothing_runs(printed: Element) -> None:
    assert printed.all("details") == []
    assert printed.all("script") == []
    assert printed.all("form") == []
    assert printed.one("html").attributes["lang"] == "en"


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("summary", "In production"),
        ("summary", "team:retention"),
        ("card", "To call them"),
        ("card", "Primary Intended Uses"),
        ("provenance", "run-1"),
        ("provenance", "customers 2013-01 proved"),
        ("datasheets", "To learn who leaves"),
        ("datasheets", "features It has no datasheet"),
        ("environment", "The packages are not known"),
        ("checks", "No check has run"),
        ("metrics", "auc 0.9000"),
        ("decisions", "approved for production, from none"),
        ("decisions", "bob looks right"),
        ("deployment", "production"),
        ("deployment", "the first one"),
        ("signature", "takes age double yes"),
        ("files", "model.bin"),
        ("events", "registered"),
        ("events", "moved from none to production"),
        ("events", "approved for production bob looks right"),
        ("proofs", "The newest checkpoint seals"),
        ("missing", "a datasheet of features"),
        ("missing", "a risk class"),
        ("missing", "the packages of its environment"),
        ("missing", "a scan of its files for code"),
        ("missing", "a bill of materials"),
    ],
)
def test_every_part_is_there(printed: Element, part: str, said: str) -> None:
    assert said in printed.one("section", id=part).text


def test_digests_are_whole(sealed: Served, printed: Element) -> None:
    version = sealed.registry.get("churn/1")
    files = sealed.registry.manifest("churn/1").files
    assert version.digest in printed.one("section", id="summary").text
    assert files[0].digest.partition(":")[2] in printed.one("section", id="files").text
    assert version.digest in printed.one("section", id="decisions").text


def test_the_events_that_decide_are_proved(sealed: Served, printed: Element) -> None:
    proofs = printed.one("section", id="proofs")
    decisive = ("version.created", "version.approved", "version.stage_changed")
    found = [each for each in sealed.registry.events() if each.type.value in decisive]
    titles = [each.text for each in proofs.all("h3")]
    assert titles == [f"Event {each.seq}" for each in reversed(found)]
    first = sealed.registry.operations.audit.prove_event(found[-1].seq)
    texts = ["".join(map(str, _strings(each))) for each in proofs.all("pre")]
    assert first.event in texts
    assert any(text.startswith("c2sp.org/tlog-proof") for text in texts)


def _strings(element: Element) -> Iterator[str]:
    for child in element.children:
        if isinstance(child, str):
            yield child
        else:
            yield from _strings(child)


def test_who_may_not_audit_gets_no_proof(sealed: Served) -> None:
    client = sealed.client(Role.READER, accept="text/html")
    client.base_url = httpx2.URL(sealed.url)
    page = read(client.get("/models/churn/versions/1/evidence"))
    assert page.one("section", id="proofs").all("h3") == []
    assert "they need the permission to audit" in page.one("section", id="missing").text


def test_a_version_without_anything_is_printed(
    served: Served, version: Callable[..., int], name: str
) -> None:
    version()
    client = served.client(Role.AUDITOR, accept="text/html")
    client.base_url = httpx2.URL(served.url)
    page = read(client.get(f"/models/{name}/versions/1/evidence"))
    missing = page.one("section", id="missing").text
    for said in ("a description", "owners", "metrics", "the lineage of its training"):
        assert said in missing
    assert "nothing is sealed yet" in missing
    assert "No asset is recorded" in page.one("section", id="datasheets").text


@pytest.mark.parametrize("asked", ["0", "9", "latest"])
def test_its_address_is_answered_as_that_of_the_version(auditor: httpx2.Client, asked: str) -> None:
    answer = auditor.get(f"/models/churn/versions/{asked}/evidence")
    assert answer.status_code == (303 if asked == "latest" else 404)


def test_what_is_known_is_not_named_as_missing() -> None:
    full = page_of(
        version=version_of(description="x", owners=("ann",), risk_class="high", metrics={"a": 1.0}),
        packages=("numpy==2",),
        decisions=RecordPage(()),
    )
    missing = missing_evidence(full, NOTHING)
    for known in ("a description", "owners", "a risk class", "metrics"):
        assert known not in missing
    assert "decisions of people" in missing
    assert "the packages of its environment" not in missing


def test_code_that_was_not_committed_is_missing() -> None:
    missing = missing_evidence(page_of(version=version_of(git_dirty=True)), NOTHING)
    assert "the exact code: the work tree differed from the commit" in missing
