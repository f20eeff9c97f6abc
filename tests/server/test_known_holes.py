"""The holes that other registries had are not in this one: by real requests, at every door."""

import pickle
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pandas as pd
import pytest

from pedigree.access.records import Role
from pedigree.access.reserved import CARDS
from pedigree.artifacts.path_rules import check_path
from pedigree.audit.event_types import READS
from pedigree.cards.records import CardNotes
from pedigree.errors import PedigreeError
from pedigree.monitoring.profile import profile
from pedigree.settings import Settings
from tests.factories import SECRET_KEY, new_version, register
from tests.receiving import Receiver, receiving
from tests.server.conftest import Served, serving
from tests.server.known_holes import (
    COSTLY,
    CREDENTIALS,
    PATHS,
    SCRIPTS,
    SOURCES,
    TWINS,
    in_path,
)
from tests.server.routes import guarded, protected, send

CANARY = "what-no-answer-may-have"
VERSION = "/models/churn/versions/1"
TAGS = {"mlflow.prompt.is_prompt": "true", "mlflow.source.type": "LOCAL"}


@pytest.fixture(scope="module")
def served(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with a version, and a file beside its store that is nobody's business."""
    folder = tmp_path_factory.mktemp("holes")
    more = {"secret_key": SECRET_KEY, "serve_delivers": False}
    with serving(settings.model_copy(update=more)) as served:
        register(served.registry, folder, "a", "churn")
        register(served.registry, folder, "b", "other")
        (served.registry.settings.home_folder / "canary").write_text(CANARY)
        yield served


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Receiver]:
    """A server on this machine that nothing may reach."""
    with receiving() as receiver:
        yield receiver


def test_there_are_enough_payloads() -> None:
    lists = (SOURCES, PATHS, TWINS, SCRIPTS, CREDENTIALS, COSTLY)
    routes = len(list(protected()))
    assert len(SOURCES) + len(PATHS) * 3 + len(TWINS) * 2 + len(SCRIPTS) >= 200
    assert sum(map(len, lists)) + routes * 2 >= 300


def test_a_text_that_names_a_location_is_never_read(
    served: Served, admin: httpx2.Client, elsewhere: Receiver, tmp_path: Path
) -> None:
    canary = served.registry.settings.home_folder / "canary"
    names = [*SOURCES, str(canary), canary.as_uri(), f"{elsewhere.url}/source"]
    for number, source in enumerate(names[-3:]):
        fields = {"datasheet_uri": source, "ci_build": source, "risk_assessment_id": source}
        tags = TAGS | {f"source {place}": name for place, name in enumerate(names)}
        register(
            served.registry,
            tmp_path,
            f"content {number}",
            "sourced",
            tags=tags,
            description="\n".join(names),
            **fields,
        )
        path = f"/models/sourced/versions/{number + 1}"
        for what in ("", "/files", "/card", "/snippets", "/download/model.bin"):
            answer = admin.get(f"{path}{what}")
            assert answer.status_code == 200, (source, what)
            assert CANARY not in answer.text, (source, what)
    assert elsewhere.requests == []


@pytest.mark.parametrize("door", ["download/{}", "urls?path={}", "card?path={}"])
def test_no_path_leads_out_of_an_artifact(admin: httpx2.Client, door: str) -> None:
    for path in PATHS:
        for spelled in (in_path(path), in_path(in_path(path)), path):
            if not spelled.isprintable() or not spelled.isascii() or " " in spelled:
                continue
            answer = admin.get(f"{VERSION}/{door.format(spelled)}")
            assert answer.status_code < 500, path
            assert CANARY not in answer.text
            assert "root:" not in answer.text
            # A client makes a plain path of its own from one that is spelled as it is.
            if door.startswith("download") and spelled != path:
                assert answer.status_code in (307, 400, 404, 422), path
                assert answer.content != b"a", path


def test_no_file_of_such_a_path_is_registered(admin: httpx2.Client, tmp_path: Path) -> None:
    new = new_version().model_dump(mode="json", exclude_none=True)
    file = admin.get(f"{VERSION}/files").json()["files"][0]
    for path in PATHS:
        given = {"files": [{**file, "path": path}], "version": new}
        answer = admin.post("/models/slipped/versions", json=given)
        if answer.status_code != 201:
            assert answer.status_code in (400, 422), path
            with pytest.raises(PedigreeError):
                check_path(path)
        else:  # a name like any other: nothing decodes it
            assert (tmp_path / path).resolve().is_relative_to(tmp_path / path.split("/")[0]), path


def test_members_of_archives_are_nowhere_unpacked(
    served: Served, admin: httpx2.Client, tmp_path: Path
) -> None:
    archive = tmp_path / "slip.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for number, path in enumerate(PATHS):
            member = path.replace("\0", "") or "x"
            file.writestr(zipfile.ZipInfo(member if number % 2 else f"../../{member}"), CANARY)
    home = served.registry.settings.home_folder.parent
    before = set(home.rglob("*"))
    done = served.registry.register("slip", archive, new_version())
    assert admin.post("/models/slip/versions/1/checks", json={}).status_code == 200
    served.registry.pull(done.version.reference, tmp_path / "pulled")
    assert (tmp_path / "pulled" / "slip.zip").read_bytes() == archive.read_bytes()
    made = [*(set(home.rglob("*")) - before), *(tmp_path / "pulled").rglob("*")]
    unpacked = [path for path in made if path.is_file() and path.read_bytes() == CANARY.encode()]
    assert unpacked == []


class Touch:
    """What a pickle runs when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_the_service_loads_no_model(served: Served, admin: httpx2.Client, tmp_path: Path) -> None:
    ran, folder = tmp_path / "ran", tmp_path / "model"
    folder.mkdir()
    for name in ("model.pkl", "model.bin", "model.json", "model.joblib", "model.pt", "x.txt"):
        for protocol in (0, 2, 4):
            content = pickle.dumps(Touch(ran), protocol=protocol)
            (folder / f"{protocol}-{name}").write_bytes(content)
    reference = served.registry.register("pickled", folder, new_version()).version.reference
    path = "/models/pickled/versions/1"
    (verdict,) = admin.post(f"{path}/checks", json={"check": "artifact_scan"}).json()["verdicts"]
    assert not verdict["passed"]
    for what in ("", "/card", "/snippets", "/files", "/download/4-model.pkl"):
        assert admin.get(f"{path}{what}").status_code == 200
    assert isinstance(served.registry.load(reference), Path)
    assert not ran.exists()


def test_no_twin_of_a_name_is_another_model_or_the_same_one(admin: httpx2.Client) -> None:
    for name in TWINS:
        made = admin.post("/models", json={"name": name})
        assert made.status_code in (400, 409, 422), name
        if "/" not in name and "\\" not in name:
            found = admin.get(f"/models/{in_path(name)}")
            assert found.status_code in (400, 404, 422), name
        assert admin.get(f"/models/{in_path(in_path(name))}").status_code in (400, 404, 422), name
    kept = [each["name"] for each in admin.get("/models").json()["items"]]
    assert [name for name in kept if name.casefold().startswith("churn")] == ["churn"]


def test_no_text_is_run_by_a_page_that_shows_it(
    served: Served, admin: httpx2.Client, tmp_path: Path
) -> None:
    registry = served.registry
    for number, few in enumerate((SCRIPTS[::3], SCRIPTS[1::3], SCRIPTS[2::3])):
        reference = register(
            registry,
            tmp_path,
            f"scripts {number}",
            "scripted",
            description="\n".join(few),
            tags={script[:60]: script for script in few},
            owners=few,
        )
        notes = CardNotes(contact="\n".join(few), primary_uses="\n".join(few))
        registry.write_card(reference, notes)
        registry.set_alias("scripted", "best", number + 1, reason="\n".join(few))
        path = f"/models/scripted/versions/{number + 1}"
        for what in ("", "/card", "/card/fields", "/tenures", "/snippets"):
            answer = admin.get(f"{path}{what}", headers={"Accept": "text/html,*/*"})
            assert answer.status_code == 200
            assert "html" not in answer.headers["content-type"], what
            assert answer.headers["x-content-type-options"] == "nosniff"
        shown = registry.card(reference).markdown
        assert not re.search(r"<(script|img|svg|iframe|body|style|base|meta|object)\b", shown)
        assert "[x](javascript:" not in shown


@pytest.mark.system
def test_the_page_of_a_report_runs_nothing(served: Served, admin: httpx2.Client) -> None:
    data = pd.DataFrame({script: range(20) for script in SCRIPTS[:3]})
    served.registry.keep_profile("other/1", profile(data))
    served.registry.measure_drift("other/1", data + 300, asset=SCRIPTS[0])
    (drift,) = admin.get("/models/other/versions/1/drift").json()["items"]
    answer = admin.get(f"/drift/{drift['drift_id']}/report")
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    for script in SCRIPTS:
        if "<" in script:
            assert script not in answer.text, script


@pytest.mark.parametrize("headers", CREDENTIALS, ids=lambda each: next(iter(each.items()))[1][:20])
def test_nothing_but_a_token_opens_a_door(served: Served, headers: dict[str, str]) -> None:
    with httpx2.Client(base_url=served.url, headers=headers, timeout=30) as client:
        for path in ("/api/v1/models", "/api/v1/tokens", "/api/v1/models/churn/versions/1"):
            assert client.get(path).status_code == 401, path
        assert client.post("/api/v1/tokens", json={}).status_code == 401


def test_no_route_answers_without_a_token_or_about_a_foreign_model(served: Served) -> None:
    nobody = served.client()
    stranger = served.client(Role.ADMIN, models=("other",))
    before = served.registry.events(limit=1000)
    for target in guarded():
        answer = send(nobody, target)
        # The exchange takes another kind of token; it refuses what is none.
        assert answer.status_code == 401 or target.path.endswith(("/token", "/login")), target
        if "churn" in target.path:
            answer = send(stranger, target, json={})
            assert answer.status_code in (400, 401, 403, 404, 413, 415, 422), target
            assert "weights" not in answer.text
    written = served.registry.events(limit=1000)[len(before) :]
    # The service itself draws cards meanwhile.
    asked = [event for event in written if event.actor != CARDS]
    assert [event.type for event in asked if event.type not in READS] == []


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example"]
)
def test_no_page_of_another_origin_reads_an_answer(admin: httpx2.Client, origin: str) -> None:
    for method in ("GET", "OPTIONS", "POST"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        answer = admin.request(method, "/models", headers=asked, json=None)
        assert not [name for name in answer.headers if name.startswith("access-control")], method


def test_what_costs_much_is_refused_or_soon_done(admin: httpx2.Client) -> None:
    for text in COSTLY:
        answer = (
            admin.post("/search", json={"filter": text})
            if len(text) > 6_000
            else admin.get("/search", params={"filter": text})
        )
        assert answer.status_code < 500, text[:80]
        assert answer.elapsed.total_seconds() < 20, text[:80]
    assert admin.get("/models/churn").status_code == 200
