"""Bad input: each kind has an answer that a person understands, and none is a 500."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx2
import psycopg
import pytest
from psycopg import sql

from pedigree.access.records import Role
from pedigree.cards.records import CardNotes
from pedigree.postgres import database as database_module
from pedigree.registry import Registry
from pedigree.server.web.form_tokens import FIELD
from pedigree.settings import Settings
from tests.factories import free_policy, register
from tests.server.conftest import Served, serving
from tests.web.browsing import Browser, FoundForm, forms_of, words_of

MODEL_PAGES = ("", "/policy", "/rollback", "/versions/1", "/versions/1/evidence")
VERSION_PAGES = ("", "/evidence", "/history", "/files", "/checks/x", "/promote", "/restore")


@pytest.fixture(scope="module")
def served(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with a model of two versions, and one of another name."""
    with serving(settings) as served:
        folder = tmp_path_factory.mktemp("bad")
        served.registry.create_model("churn")
        served.registry.set_policy("churn", free_policy())
        for content in ("one", "two"):
            register(served.registry, folder, content, "churn")
        register(served.registry, folder, "three", "churn europe")
        register(served.registry, folder, "four", "fraud")
        yield served


@pytest.fixture(scope="module")
def browser(served: Served) -> Iterator[Browser]:
    """The browser of an admin."""
    with Browser(served.url) as browser:
        browser.sign_in(served.registry.create_token("root", roles=[Role.ADMIN]).secret)
        yield browser


def understood(answer: httpx2.Response, status: int, *sentences: str) -> str:
    """Require an answer to a person: a page with a heading and these sentences."""
    assert answer.status_code == status, words_of(answer.text)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text.count("<h1") == 1
    says = words_of(answer.text)
    assert "Traceback" not in says
    for sentence in sentences:
        assert sentence in says, says
    return says


NAMES = {
    "a slash": ("a/b", 404, "No page has this address."),
    "an encoded slash": ("a%2Fb", 404, "No page has this address."),
    "dots": ("%2E%2E", 422, "begins or ends with a space or a dot"),
    "dots and slashes": ("..%2F..%2Fetc", 404, "No page has this address."),
    "a hash": ("a%23b", 422, "holds one of / \\ : @ % #"),
    "256 characters": ("a" * 256, 404, "no registered model has this name"),
    "257 characters": ("a" * 257, 422, "has 257 characters, more than 256"),
    "a right-to-left override": (quote("\u202egpj.nruhc"), 422, "holds a control character"),
    "a line end": ("a%0Ab", 422, "holds a control character"),
    "a NUL": ("a%00b", 422, "character"),
    "a blank": ("%20", 422, "begins or ends with a space or a dot"),
    "no text": ("%ff", 400, "is not Unicode text"),
    "a picture": (quote("🙂"), 404, "no registered model has this name"),
}


@pytest.mark.parametrize("rest", MODEL_PAGES)
@pytest.mark.parametrize("what", NAMES)
def test_a_name_of_no_model(browser: Browser, what: str, rest: str) -> None:
    name, status, sentence = NAMES[what]
    answer = browser.get(f"/models/{name}{rest}")
    if rest == "/policy" and status == 422 and "NUL" not in what:
        status, sentence = 404, "no registered model has this name"
    understood(answer, status, sentence)
    assert "\u202e" not in answer.text


@pytest.mark.parametrize("rest", VERSION_PAGES)
@pytest.mark.parametrize(
    "number", ["0", "-1", "2147483648", "9" * 20, "1e3", "1.0", "%D9%A3", "%00"]
)
def test_a_number_of_no_version(browser: Browser, number: str, rest: str) -> None:
    answer = browser.get(f"/models/churn/versions/{number}{rest}")
    sentence = "has no version" if rest in ("", "/evidence") else "no version has this number"
    understood(answer, 404, sentence)


@pytest.mark.parametrize("rest", VERSION_PAGES)
def test_a_word_instead_of_a_number(browser: Browser, rest: str) -> None:
    answer = browser.get(f"/models/churn/versions/latest{rest}")
    if rest in ("", "/evidence"):
        assert (answer.status_code, answer.headers["location"][-2:]) == (303, "/2") or rest
    else:
        understood(answer, 404, "no version has this number", "latest")


QUERIES = {
    "a filter of 60 kB": (f"/?q={'x' * 60_000}%3D1", 422, "has 60,002 characters"),
    "a filter that cannot be read": ("/?q=metrics.auc+%3E%3E+1", 422, "Allowed here:"),
    "a cursor of nothing": ("/?after=x", 422, "belongs to another list"),
    "a facet that is none": ("/?color=red", 422, "color is not a choice of this list"),
    "a value that a facet cannot have": ("/?attention=x", 422, "Give one of waiting, stale"),
    "a NUL": ("/?q=a%00b", 422, "has a NUL character"),
    "no text": ("/?q=%ff", 400, "is not Unicode text"),
    "a place in the versions": ("/models/churn?before=x", 422, "is not a place in this list"),
    "a place of a policy": ("/models/churn/policy?after=-1", 422, "is not a place in this list"),
    "a place in the events": ("/models/churn/versions/1/history?before=0", 422, "is not a place"),
    "a place in the requests": ("/approvals?after=1.5", 422, "is not a place in this list"),
    "a request of no number": ("/approvals/x", 404, "no open request has this number"),
    "an asset of 5,000 characters": (f"/impact?asset={'a' * 5_000}", 422, "Shorten it"),
    "an asset with a NUL": ("/impact?asset=a%00b", 422, "has a NUL character"),
    "a place in the impact": ("/impact?asset=a&after=x", 422, "names no version"),
    "a version of no model": ("/drift?version=a/b/c", 422, "cannot be read"),
    "a type of no event": ("/audit?type=x", 422, "is not a type of events"),
    "an event of no number": ("/audit?event=0", 422, "is not a place in this list"),
    "an event that is not there": ("/audit?event=999999999", 404, "the log has no such event"),
    "a comparison of too many": (
        "/compare?" + "&".join(f"v=churn/{number}" for number in range(1, 8)),
        422,
        "a page compares at most 5",
    ),
    "a comparison of nothing": ("/compare?v=churn/0&v=churn/1", 422, "names no version"),
    "a webhook of no number": ("/admin/webhooks/x", 404, "no such webhook exists"),
    "a name of nobody": (f"/admin/person?name={'a' * 900}", 422, "Shorten it"),
    "an address of no page": ("/nowhere", 404, "No page has this address."),
}


@pytest.mark.parametrize("what", QUERIES)
def test_a_query_that_cannot_be(browser: Browser, what: str) -> None:
    path, status, sentence = QUERIES[what]
    # What is no text is refused before anybody is asked for.
    understood(browser.get(path), status, sentence, *(["Sign out"] if status != 400 else []))


def test_a_cursor_belongs_to_its_own_list(served: Served, browser: Browser) -> None:
    for number in range(51):
        served.registry.create_model(f"many {number:03}")
    page = browser.get("/?sort=newest")
    (further,) = {each for each in page.text.split('href="') if "after=" in each.partition('"')[0]}
    cursor = further.partition("after=")[2].partition('"')[0].partition("&")[0]
    assert browser.get(f"/?sort=newest&after={cursor}").status_code == 200
    understood(browser.get(f"/?sort=name&after={cursor}"), 422, "belongs to another list")
    understood(browser.get(f"/?q=many&sort=newest&after={cursor}"), 422, "another list")


ASKS = [
    ("a stage that the policy does not have", "/promote?stage=nowhere"),
    ("a stage with a NUL", "/promote?stage=%00"),
]


@pytest.mark.parametrize(("what", "rest"), ASKS)
def test_a_form_offers_only_stages_that_can_be_entered(
    browser: Browser, what: str, rest: str
) -> None:
    says = understood(browser.get(f"/models/churn/versions/1{rest}"), 200, "What will happen")
    assert "nowhere" not in says, what


@pytest.fixture
def form(served: Served, browser: Browser, tmp_path: Path) -> FoundForm:
    """The form that quarantines a version, filled in."""
    name = f"typed {uuid4().hex[:8]}"
    register(served.registry, tmp_path, name, name)
    path = f"/models/{quote(name)}/versions/1/quarantine"
    (form,) = [each for each in forms_of(browser.get(path).text) if "generation" in each.fields]
    form.action = path
    form.fields["reason"] = "odd scores"
    return form


COMMENTS = {
    "of 1 MB": ("a" * 1_000_000, 413, "This is too large"),
    "of blanks": (" \t\n ", 422, "reason"),
    "of nothing": ("", 422, "reason"),
    "with a NUL": ("a\0b", 422, "NUL"),
}


@pytest.mark.parametrize("what", COMMENTS)
def test_a_comment_that_cannot_be(browser: Browser, form: FoundForm, what: str) -> None:
    comment, status, sentence = COMMENTS[what]
    answer = browser.post(form.action, {**form.fields, "reason": comment})
    understood(answer, status, sentence)


@pytest.mark.parametrize(
    "comment", ["bell \a and escape \x1b[31m", "\u202ereversed", "\ufeff", "�"]
)
def test_a_comment_of_control_characters_is_only_text(
    served: Served, browser: Browser, form: FoundForm, comment: str
) -> None:
    answer = browser.post(form.action, {**form.fields, "reason": f"why: {comment}"})
    if answer.status_code == 303:
        page = browser.get(form.action.removesuffix("/quarantine"))
        understood(page, 200, "why:")
        assert "<bdi>" in page.text
    else:
        understood(answer, 422, "reason")
        assert "why:" in words_of(answer.text)


def test_a_form_that_somebody_else_could_have_made(
    served: Served, browser: Browser, form: FoundForm
) -> None:
    reference = form.action.removeprefix("/models/").partition("/versions/")[0]
    with Browser(served.url) as other:
        other.sign_in(served.registry.create_token("other", roles=[Role.ADMIN]).secret)
        theirs = forms_of(other.get("/admin/groups").text)[-1].fields[FIELD]
    for token in ("", "guessed", theirs):
        answer = browser.post(form.action, {**form.fields, FIELD: token})
        understood(answer, 403, "the form was not made for this session", "odd scores")
    without = {name: value for name, value in form.fields.items() if name != FIELD}
    understood(browser.post(form.action, without), 403, "the form was not made for this session")
    model = served.registry.get(f"{reference.replace('%20', ' ')}/1")
    assert model.quarantine_reason is None


def test_a_form_that_is_sent_twice_and_in_parallel_is_done_once(
    served: Served, browser: Browser, form: FoundForm
) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(lambda _: browser.post(form.action, form.fields), range(4))]
    assert {each.status_code for each in answers} <= {303, 409}
    assert browser.post(form.action, form.fields).status_code == 303
    name = form.action.removeprefix("/models/").partition("/")[0].replace("%20", " ")
    events = served.registry.events(model=name)
    assert [each.type.value for each in events].count("version.quarantined") == 1


def test_a_metric_that_is_huge_negative_zero_or_missing(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    for number in range(6):
        metrics = {"huge": 1e308, "zero": -0.0} if number % 2 else {"small": 5e-324}
        register(served.registry, tmp_path, f"metric {number}", "measured", metrics=metrics)
    page = browser.get("/models/measured?columns=huge")
    understood(page, 200, "huge", "small", "zero", "not given")
    for number in (1, 2):
        understood(browser.get(f"/models/measured/versions/{number}"), 200)
    compared = understood(browser.get("/compare?v=measured/1&v=measured/2"), 200, "huge")
    for text in ("nan", "inf"):
        assert text not in compared.split()
    understood(browser.get("/?q=metrics.huge+%3E+1e307"), 200, "measured")


def test_a_timeline_of_ten_thousand_moves(served: Served, browser: Browser, tmp_path: Path) -> None:
    name = "moved often"
    served.registry.create_model(name)
    served.registry.set_policy(name, free_policy())
    for content in ("m1", "m2"):
        register(served.registry, tmp_path, content, name)
    served.registry.promote(f"{name}/1", "production")
    statement = """
        INSERT INTO pedigree.tenure (model_id, version, pointer, name, exclusive, held_since,
            held_until, moved_by, ended_by)
        SELECT m.model_id, 1 + n %% 2, 'stage', 'production', true,
            '2020-01-01'::timestamptz + n * interval '1 hour',
            '2020-01-01'::timestamptz + (n + 1) * interval '1 hour', 'tester', 'move'
        FROM pedigree.registered_model m, generate_series(1, 10000) AS n WHERE m.name = %s
    """
    served.registry.database.transaction(lambda t: t.execute(statement, (name,)))
    page = browser.get(f"/models/{quote(name)}")
    understood(page, 200, "Version 1 is in production")
    assert len(page.content) < 400_000
    assert page.text.count("<rect") < 1_000


PROSE = (
    *("primary_uses", "primary_users", "out_of_scope_uses", "relevant_factors"),
    *("evaluation_factors", "performance_measures"),
)
CARDS = {
    "of 10,000 brackets": ("[" * 10_000, 1, "[[[["),
    "of 20,000 brackets": ("[" * 20_000, 1, "The model card is too long"),
    "of 20,000 closed brackets": ("[]()" * 10_000, 1, "The model card is too long"),
    "of several texts of 60 kB": ("word " * 12_000, 6, "The model card is too long"),
}


@pytest.mark.parametrize("what", CARDS)
def test_a_card_that_would_keep_the_service_busy(
    served: Served, browser: Browser, tmp_path: Path, what: str
) -> None:
    text, fields, sentence = CARDS[what]
    name = f"carded {uuid4().hex[:8]}"
    reference = register(served.registry, tmp_path, name, name)
    notes = CardNotes(**dict.fromkeys(PROSE[:fields], text))
    assert len(served.registry.write_card(reference, notes).markdown) > fields * 9_000
    page = browser.get(f"/models/{quote(name)}/versions/1")
    understood(page, 200, "Model card", sentence)
    assert len(page.text) < 1_000_000


def test_names_that_are_near_are_offered(browser: Browser) -> None:
    answer = browser.get("/models/chrun")
    understood(answer, 404, "no registered model has this name", "Do you mean churn")
    assert 'href="/models/churn"' in answer.text
    understood(browser.get("/models/FRAUDD/versions/1"), 404, "Do you mean fraud?")
    assert "Do you mean" not in words_of(browser.get("/models/zzzzzz").text)


def test_a_model_that_may_not_be_read_is_never_offered(served: Served) -> None:
    client = served.client(Role.READER, models=("fr*",), accept="text/html")
    answer = client.get(f"{served.url}/models/fraudd")
    understood(answer, 404, "Do you mean fraud?")
    answers = {}
    for name in ("churn", "chrun"):  # one exists, and the other does not
        answer = client.get(f"{served.url}/models/{name}")
        says = understood(answer, 403, "People with the role")
        assert "Do you mean" not in says
        answers[name] = says.replace(name, "NAME")
    assert answers["churn"] == answers["chrun"]


@pytest.fixture
def own(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[Served]:
    """A service over a database of this test."""
    changed = {"database_url": database_url, "home": tmp_path / "home"}
    with serving(settings.model_copy(update=changed)) as served:
        register(served.registry, tmp_path, "own", "churn")
        yield served


def signed_in(served: Served) -> Browser:
    browser = Browser(served.url)
    browser.sign_in(served.registry.create_token("root", roles=[Role.ADMIN]).secret)
    return browser


SEEN = ("/", "/models/churn", "/models/churn/versions/1", "/approvals", "/admin/tokens", "/audit")


def shut(registry: Registry) -> Callable[[], object]:
    """Let nobody connect to the database of a registry; return what opens it again."""
    url = str(registry.settings.database_url)
    (row,) = registry.database.fetch_all("SELECT current_database() AS name")
    name = row["name"]
    other = url.replace(f"/{name}", "/postgres")
    assert other != url, urlsplit(url).path

    def allow(allowed: bool) -> None:
        with psycopg.connect(other, autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(
                    sql.Identifier(name), sql.Literal(allowed)
                )
            )
            if not allowed:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = %s",
                    (name,),
                )

    allow(False)
    return lambda: allow(True)


def test_a_database_that_is_away(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "RETRY_S", 0.3)
    with signed_in(own) as browser:
        form = forms_of(browser.get("/admin/groups").text)
        (made,) = [each for each in form if "Create the group" in each.buttons]
        opened = shut(own.registry)
        try:
            for path in SEEN:
                understood(browser.get(path), 503, "The database of the registry does not answer")
            kept = browser.post(made.action, {**made.fields, "name": "risk"})
            understood(kept, 503, "What you typed", "name risk", "Send it again")
            program = browser.get("/models/churn", Accept="application/json")
            assert program.headers["content-type"] == "application/problem+json"
            assert program.json()["status"] == 503
        finally:
            opened()
        (again,) = [each for each in forms_of(kept.text) if each.action == made.action]
        while (sent := browser.post(again.action, again.fields)).status_code == 503:
            pass
        assert sent.status_code == 303
        assert [each.name for each in own.registry.access_groups()] == ["risk"]


BEHIND = {
    "a table": "DROP TABLE pedigree.search_model CASCADE",
    "a column": "ALTER TABLE pedigree.search_model RENAME COLUMN attention TO needs",
}


@pytest.mark.parametrize("what", BEHIND)
def test_a_database_that_is_behind_its_schema(own: Served, what: str) -> None:
    with signed_in(own) as browser:
        own.registry.database.transaction(lambda t: t.execute(BEHIND[what]))
        answers = [browser.get(path) for path in SEEN]
        assert {each.status_code for each in answers} <= {200, 503}
        behind = [each for each in answers if each.status_code == 503]
        assert behind
        for each in behind:
            understood(each, 503, "The schema of the database is older", "pedigree migrate")
