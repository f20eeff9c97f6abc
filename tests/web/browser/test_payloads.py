"""Sixty payloads in every text field that the API takes, and every page opened in Chromium.

Nothing runs, nothing is asked of another host, the policy is never needed, and nothing fails. The
fields are those of the OpenAPI document: a new operation that takes a text fails a test here until
it is filled as well, and a new field of an operation is filled by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit

import httpx2
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page

from pedigree.access.records import Role
from pedigree.audit.records import Actor
from pedigree.lifecycle.records import Verdict
from pedigree.lineage.records import LineageGraph
from pedigree.monitoring.profile import profile
from pedigree.server.web.actions import ACTIONS
from tests.databases import Databases
from tests.factories import SECRET_KEY, SIGNATURE, register
from tests.lineage.graphs import graph, node
from tests.server.routes import pages
from tests.web.browser.filling import KIM, asking_policy, tokens
from tests.web.browser.payloads import PAYLOADS, Document, Filler, texts
from tests.web.browser.sites import Site, opened

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

# Operations that take a text, but only to find something that has it already.
FIND_ONLY = {
    ("POST", "/models/{name}/versions/{version}/checks"),
    ("POST", "/models/{name}/versions/{version}/retries"),
    ("POST", "/access/links"),
    ("DELETE", "/access/links"),
    ("DELETE", "/access/sessions"),
    ("DELETE", "/access/names"),
}
# Fields with a grammar of their own, which no payload fits.
REFUSING = {
    "POST /webhooks: types",
    "PATCH /webhooks/{webhook_id}: types",
    "PATCH /webhooks/{webhook_id}: url",
}
WORDS = {each.word for each in ACTIONS}
LOU = "lou@example.com"
"""A second admin, who decides about what the first one registers."""
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", each => {
  window.violations.push(`${each.violatedDirective} ${each.blockedURI} ${each.sample}`);
});
"""
# What no page of ours has, and a payload would bring.
LOOK = """() => {
  const strange = [
    ...document.querySelectorAll("iframe, object, embed, base, img, audio, video, math, style, "
      + "foreignObject, use, script:not([src^='/static/']), meta[http-equiv], "
      + "link:not([href^='/']), link[href^='//'], form[action^='//'], form[action*=':'], "
      + "a[href^='//'], a[href^='javascript:' i], a[href^='data:' i], a[href^='vbscript:' i]"),
    ...[...document.querySelectorAll("*")].filter(
      each => [...each.attributes].some(one => /^on|^style$/.test(one.name))),
  ];
  const evaluated = document.body.textContent.includes("36863");
  return [
    ...window.violations,
    ...strange.map(each => each.outerHTML.slice(0, 160)),
    ...(evaluated ? ["a template of a payload was evaluated"] : []),
  ];
}"""


def fill(filler: Filler, number: int, text: str) -> None:
    """Do everything that takes a text, for one text."""
    name, send = f"hostile {number}", filler.send
    model, version = "/models/{name}", "/models/{name}/versions/{version}"
    here = {"name": name, "version": 1}
    send("POST", "/models", {"name": name}, text)
    for place in (1, 2):
        lineage = graph(node(1, text, text, text), behind=(node(2, f"b {text}"),))
        send("POST", f"{model}/versions", _new_version(number, place, lineage), text, name=name)
    send("PATCH", model, {}, text, name=name)
    send("PATCH", version, {}, text, **here)
    send("PUT", f"{model}/policy", {"policy": _policy()}, text, name=name)
    send("PUT", f"{version}/card", {}, text, **here)
    _tags_and_names(filler, number, text)
    digest = filler.client.get(f"/models/{quote(name)}/versions/1").json()["digest"]
    verdict = Verdict(check="a check", passed=False, digest=digest, summary="x")
    asked = verdict.model_dump(mode="json", include={"passed", "digest"})
    send("POST", f"{version}/verdicts", asked, text, **here)
    group = {"group": text, "count": 5, "metrics": {"auc": 0.5}}
    overall = {**group, "group": "overall"}
    evaluation = {
        "task": "binary",
        "overall": overall,
        "slices": [{"name": text, "groups": [group]}],
    }
    send("PUT", f"{version}/evaluation", evaluation, text, **here)
    known = profile(pd.DataFrame({text: range(20)})).model_dump(mode="json")
    send("PUT", f"{version}/profile", known, text, **here)
    send("POST", f"{version}/drift", {"profile": known}, text, **here)
    _move(filler, number, text)
    _data(filler, text)
    _people(filler, number, text)


def _tags_and_names(filler: Filler, number: int, text: str) -> None:
    """Single tags, other names, bytes again, and policies of new models."""
    name, send = f"hostile {number}", filler.send
    model, version = "/models/{name}", "/models/{name}/versions/{version}"
    for path, given in ((model, {"name": name}), (version, {"name": name, "version": 1})):
        send("PUT", f"{path}/tags", {}, text, **given)
        send("PUT", f"{path}/tags", {"key": "gone"}, text, **given)
        send("DELETE", f"{path}/tags", None, text, query={"key": "gone"}, **given)
    same = {"files": FILES[1], "flavor": "generic", "signature": SIGNATURE.model_dump(mode="json")}
    send("POST", f"{version}/seal", same, text, name=name, version=1)
    former = f"former {number}"
    send("POST", "/models", {"name": former}, text)
    send("POST", f"{model}/rename", {"new_name": f"renamed {number}"}, text, name=former)
    for pattern in (f"kept-{number}-*", f"gone-{number}-*"):
        send("PUT", "/policy-defaults/{pattern}", {"policy": _policy()}, text, pattern=pattern)
    send("DELETE", "/policy-defaults/{pattern}", None, text, pattern=f"gone-{number}-*")


def _move(filler: Filler, number: int, text: str) -> None:
    """Stages, aliases, decisions, holds and quarantines, also their ends."""
    name, send = f"hostile {number}", filler.send
    model, version = "/models/{name}", "/models/{name}/versions/{version}"
    first, second = ({"name": name, "version": place} for place in (1, 2))
    for alias in ("champion", "leaving"):
        send("PUT", f"{model}/aliases/{{alias}}", {"version": 1}, text, name=name, alias=alias)
    send("DELETE", f"{model}/aliases/{{alias}}", None, text, name=name, alias="leaving")
    for given in (first, second):
        send("POST", f"{version}/stage", {"stage": "staging"}, text, **given)
        filler.others("POST", f"{version}/overrides", {"stage": "production"}, text, **given)
    send("POST", f"{model}/rollback", {"stage": "production"}, text, name=name)
    send("POST", f"{version}/stage", {"stage": "staging", "request": True}, text, **second)
    asked = {"stage": "production", "request": True}
    send("POST", f"{version}/stage", asked, text, **second)
    send("DELETE", f"{version}/requests/{{stage}}", None, text, stage="production", **second)
    send("POST", f"{version}/stage", asked, text, **second)
    rejected = {"stage": "production", "approved": False}
    filler.others("POST", f"{version}/approvals", rejected, text, **second)
    for given in (first, second):
        send("PUT", f"{version}/quarantine", {}, text, **given)
        send("PUT", f"{version}/hold", {}, text, **given)
    send("DELETE", f"{version}/quarantine", None, text, **second)
    send("DELETE", f"{version}/hold", None, text, **second)
    send("DELETE", f"{version}/stage", None, text, **second)


def _data(filler: Filler, text: str) -> None:
    send = filler.send
    send("PUT", "/datasheet", {}, text, query={"asset": text})
    send("POST", "/data/verdicts", {"passed": False, "storage_id": 1}, text)
    send("POST", "/quarantines", {}, text)
    send("POST", "/quarantines", {"asset": "released"}, text)
    send("DELETE", "/quarantines", None, text, query={"asset": "released", "partition": text})


def _people(filler: Filler, number: int, text: str) -> None:
    send, group = filler.send, f"g{number}"
    made = send("POST", "/webhooks", {"url": "https://ci.example/hook"}, text).json()
    hook = made["webhook"]["webhook_id"]
    send("PATCH", "/webhooks/{webhook_id}", {"active": False}, text, webhook_id=hook)
    send("POST", "/tokens", {}, text)
    send("PUT", "/access/roles/{role}", {"permissions": ["read"]}, text, role=f"r{number}")
    for ended in (False, True):
        grant = send("POST", "/access/grants", {"role": "reader"}, text).json()["grant_id"]
        if ended:
            send("DELETE", "/access/grants/{grant_id}", None, text, grant_id=grant)
    for name in (group, f"{group}-gone"):
        send("POST", "/access/groups", {"name": name}, text)
        send("POST", "/access/groups/{group}/members", {}, text, group=name)
    send("DELETE", "/access/groups/{group}/members", None, text, group=f"{group}-gone")
    send("DELETE", "/access/groups/{group}", None, text, group=f"{group}-gone")
    send("PUT", "/access/activity", {"active": False}, text)
    send("POST", "/access/revocations", {"tokens": True}, text)


def delete(filler: Filler, number: int, text: str) -> None:
    """Delete and restore a version and a model."""
    name, send = f"deleted {number}", filler.send
    send("POST", "/models", {"name": name}, text)
    lineage = LineageGraph()
    new = _new_version(number, 1, lineage)
    send("POST", "/models/{name}/versions", new, text, name=name)
    version, here = "/models/{name}/versions/{version}", {"name": name, "version": 1}
    send("DELETE", version, None, text, **here)
    send("POST", f"{version}/restore", {}, text, **here)
    send("DELETE", "/models/{name}", None, text, name=name)
    send("POST", "/models/{name}/restore", {}, text, name=name)
    send("DELETE", version, None, text, **here)


def _new_version(number: int, place: int, lineage: LineageGraph) -> dict[str, object]:
    """A registration of bytes that the registry has; texts are put in by its schema."""
    metadata = {
        "flavor": "generic",
        "signature": SIGNATURE.model_dump(mode="json"),
        "git_commit": "0" * 40,
        "git_dirty": False,
        "metrics": {"auc": 0.5 + number / 100},
    }
    found = {"metadata": metadata, "lineage": lineage.model_dump(mode="json")}
    return {"files": FILES[place], "version": {**found, "origin": {}}}


FILES: dict[int, list[dict[str, object]]] = {}


def _policy() -> dict[str, object]:
    """A policy whose production needs an approval; what it leaves out is filled."""
    policy = asking_policy().model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    # Metadata is named from a list of ours; an approver for each stage would stop every move.
    known = {"metadata": [], "approvals": None, "promoters": []}
    for each in policy["stages"]:
        if "approvals" in each:
            each["approvals"] = {"needed": 1, "by": [LOU]}
    stages = [
        {"metadata": []} | each if each["name"] == "archived" else known | each
        for each in policy["stages"]
    ]
    # An alias is letters and digits, and one that is guarded is moved by stages alone.
    others = {"drift": {"stage": "production"}, "aliases": {}, "back_to_none": True}
    return {**policy, "stages": stages, **others}


@dataclass
class Seen:
    """What went wrong on the pages that were opened."""

    own: str
    wrong: list[str] = field(default_factory=list)
    opened: int = 0

    def watch(self, page: Page) -> None:
        """Note every dialog, request elsewhere, message of the console and error of a script."""
        page.add_init_script(WATCH)
        page.on("dialog", lambda each: (self.wrong.append(f"dialog {page.url}"), each.dismiss()))
        page.on("request", lambda each: self._asked(page, each.url))
        page.on("pageerror", lambda each: self.wrong.append(f"error {page.url}: {each}"))
        page.on("popup", lambda each: self.wrong.append(f"window {each.url}"))

    def _asked(self, page: Page, url: str) -> None:
        if urlsplit(url).netloc != urlsplit(self.own).netloc:
            self.wrong.append(f"request {url} from {page.url}")

    def open(self, page: Page, path: str) -> None:
        """Open a page, and look at what became of the texts in it."""
        answer = page.goto(path)
        assert answer is not None
        self.opened += 1
        if answer.status >= 500:
            self.wrong.append(f"{answer.status} {path}")
        self.look(page)

    def look(self, page: Page) -> None:
        """Look at what became of the texts in a page."""
        self.wrong += [f"{page.url}: {each}" for each in page.evaluate(LOOK)]


def client_of(site: Site, secret: str) -> httpx2.Client:
    """A client of the API with a token."""
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx2.Client(base_url=f"{site.url}/api/v1", headers=headers, timeout=30)


@pytest.fixture(scope="module")
def hostile(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[tuple[Site, Filler]]:
    """A service in which every text is hostile, and what filled it."""
    folder = tmp_path_factory.mktemp("hostile")
    more = {"secret_key": SECRET_KEY, "serve_delivers": False}
    with opened(databases, folder, browser, **more) as site:
        site.secrets = tokens(site.registry)
        for place in (1, 2):
            register(site.registry, folder, f"seed {place}", "seed")
            manifest = site.registry.manifest(f"seed/{place}")
            FILES[place] = [each.model_dump(mode="json") for each in manifest.files]
        operator = site.registry.acting_as(Actor(name="operator", source="test"))
        other = operator.create_token(LOU, roles=[Role.ADMIN]).secret
        with client_of(site, site.secrets[KIM]) as client, client_of(site, other) as second:
            document = Document(client.get(f"{site.url}/openapi.json").json())
            filler = Filler(client, second, document)
            for number, text in enumerate(texts()):
                fill(filler, number, text)
                delete(filler, number, text)
            yield site, filler


def test_every_operation_that_takes_a_text_is_filled(hostile: tuple[Site, Filler]) -> None:
    _, filler = hostile
    assert len(set(PAYLOADS)) >= 60
    taking = {
        (method, path.removeprefix("/api/v1"))
        for method, path in filler.document.changes_with_text()
    }
    assert taking - filler.done == FIND_ONLY
    assert {f"{operation}: {where}" for operation, where in filler.refused} == REFUSING


def addresses(site: Site, number: int, text: str) -> Iterator[str]:
    """The pages of what has a text: those of its model, and those that are asked for the text."""
    name = quote(f"hostile {number}", safe="")
    for target in pages("GET"):
        path = target.route.path
        # Forms show what the page of the version shows; each is opened for the first text.
        is_form = path.rpartition("/")[2] in WORDS - {"describe", "promote"}
        if "{name}" in path and not (number and is_form):
            path = path.replace("{name}", name).replace("{version}", "1")
            yield path.replace("{check}", quote(text, safe=""))
    yield f"/models/{name}/versions/2"
    yield f"/models/deleted%20{number}/versions/1"
    yield f"/models/{quote(text, safe='')}"
    for path, query in (
        ("/", {"q": text}),
        ("/", {"q": f"description MATCH '{text}' >> 1"}),
        ("/", {"team": text}),
        ("/", {"owner": text}),
        ("/compare", {"v": (f"hostile {number}/1", f"hostile {number}/2")}),
        ("/compare", {"v": text}),
        ("/impact", {"asset": text}),
        ("/impact", {"asset": text, "partition": text}),
        ("/drift", {"version": f"hostile {number}/1"}),
        ("/audit", {"model": text}),
        ("/audit", {"type": text}),
        ("/admin/person", {"name": text, "model": text}),
        ("/sign-in", {"next": text}),
    ):
        yield f"{path}?{urlencode(query, doseq=True)}"


def shared(site: Site) -> Iterator[str]:
    """The pages that are not about one model, and each event."""
    for target in pages("GET"):
        if "{name}" not in target.route.path:
            for number in range(1, 3):
                path = target.route.path.replace("{webhook_id}", str(number))
                yield path.replace("{request_id}", str(number))
    kinds = {}
    for event in site.registry.events(limit=5_000):
        kinds.setdefault(event.type, event.seq)
    for seq in kinds.values():
        yield f"/audit?event={seq}"


def test_no_payload_does_anything_on_any_page(hostile: tuple[Site, Filler]) -> None:
    site, _ = hostile
    seen = Seen(site.url)
    with site.visited(KIM) as page:
        seen.watch(page)
        for path in dict.fromkeys(shared(site)):
            seen.open(page, path)
        for number, text in enumerate(texts()):
            for path in addresses(site, number, text):
                seen.open(page, path)
    assert seen.wrong == []
    assert seen.opened > 200


def test_what_is_typed_into_a_form_that_is_refused_does_nothing(
    hostile: tuple[Site, Filler],
) -> None:
    site, _ = hostile
    seen = Seen(site.url)
    with site.visited(KIM) as page:
        seen.watch(page)
        for text in texts():
            seen.open(page, "/admin/groups")
            page.locator("summary", has_text="Create a group").click()
            form = page.locator("form[action='/admin/groups/new']")
            form.locator("#name").evaluate("(each, text) => { each.value = text }", text)
            form.locator("#description").evaluate("(each, text) => { each.value = text }", text)
            with page.expect_navigation() as sent:
                form.locator("button").click()
            assert sent.value.status == 422
            seen.look(page)
    assert seen.wrong == []
