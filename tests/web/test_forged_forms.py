"""Forms that no page of ours sent for this session do nothing, and others are done once."""

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode
from uuid import uuid4

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.server.web.form_tokens import FIELD, KEY_FIELD, FormKey
from pedigree.server.web.visitors import COOKIE
from tests.server.conftest import Served
from tests.web.browsing import Browser, forms_of

PATH = "/admin/groups/new"
FORM = "application/x-www-form-urlencoded"


class Admin(Browser):
    """The browser of an admin, with a form that is filled in and not sent yet."""

    def __init__(self, served: Served) -> None:
        super().__init__(served.url)
        self.served = served
        self.group = f"group-{uuid4().hex[:8]}"
        self.sign_in(served.registry.create_token("root", roles=[Role.ADMIN]).secret)
        page = self.get("/admin/groups")
        (form,) = [each for each in forms_of(page.text) if each.action == PATH]
        self.fields = {**form.fields, "name": self.group}

    @property
    def made(self) -> int:
        """How many groups of the form's name exist."""
        groups = self.served.registry.access_groups(limit=1000)
        return [each.name for each in groups].count(self.group)


@pytest.fixture
def admin(served: Served) -> Iterator[Admin]:
    with Admin(served) as admin:
        yield admin


Forgery = Callable[[Admin], httpx2.Response]


def with_token(token: Callable[[Admin], str | None]) -> Forgery:
    def send(admin: Admin) -> httpx2.Response:
        given = {**admin.fields, FIELD: token(admin)}
        return admin.post(PATH, {name: value for name, value in given.items() if value is not None})

    return send


def with_headers(**headers: str) -> Forgery:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda admin: admin.post(PATH, admin.fields, **names)


def with_body(content: Callable[[Admin], bytes], kind: str = FORM) -> Forgery:
    def send(admin: Admin) -> httpx2.Response:
        return admin._sent("POST", PATH, {"Content-Type": kind}, content(admin))

    return send


def by_method(method: str) -> Forgery:
    def send(admin: Admin) -> httpx2.Response:
        content = urlencode(admin.fields).encode()
        return admin._sent(method, PATH, {"Content-Type": FORM}, content)

    return send


def of_another_session(admin: Admin) -> str:
    with Admin(admin.served) as other:
        return other.fields[FIELD]


def of_nobody(admin: Admin) -> str:
    with Browser(admin.url) as other:
        return forms_of(other.get("/sign-in").text)[0].fields[FIELD]


def without_mask(admin: Admin) -> str:
    decoded = base64.urlsafe_b64decode(admin.fields[FIELD])
    plain = bytes(a ^ b for a, b in zip(decoded[:32], decoded[32:], strict=True))
    return base64.urlsafe_b64encode(plain).decode()


def after_a_new_sign_in(admin: Admin) -> httpx2.Response:
    admin.sign_in(admin.served.registry.create_token("root", roles=[Role.ADMIN]).secret)
    return admin.post(PATH, admin.fields)


def after_sign_out(admin: Admin) -> httpx2.Response:
    cookie = admin.cookies[COOKIE]
    admin.send(admin.get("/admin"), "/sign-out")
    admin.cookies[COOKIE] = cookie
    return admin.post(PATH, admin.fields)


def of_a_revoked_session(admin: Admin) -> httpx2.Response:
    sessions = admin.served.registry.operations.sessions
    sessions.end(sessions.sessions(limit=1)[0].session_id)
    while "Sign out" in admin.get("/sign-in").text:
        pass
    return admin.post(PATH, admin.fields)


def by_a_cookie_of_the_attacker(admin: Admin) -> httpx2.Response:
    admin.cookies[COOKIE] = "chosen"
    return admin.post(PATH, {**admin.fields, FIELD: FormKey("chosen").token()})


def in_the_query(admin: Admin) -> httpx2.Response:
    rest = {name: value for name, value in admin.fields.items() if name != FIELD}
    return admin.post(f"{PATH}?{urlencode({FIELD: admin.fields[FIELD]})}", rest)


def encoded(admin: Admin) -> str:
    return urlencode(admin.fields)


FORGED: dict[str, tuple[Forgery, int]] = {
    "no token": (with_token(lambda _: None), 403),
    "an empty token": (with_token(lambda _: ""), 403),
    "a token of no form": (with_token(lambda _: "guessed"), 403),
    "a token of zeros": (
        with_token(lambda _: base64.urlsafe_b64encode(bytes(64)).decode()),
        403,
    ),
    "a shortened token": (with_token(lambda admin: admin.fields[FIELD][:-4]), 403),
    "a token without its mask": (with_token(without_mask), 403),
    "another session's token": (with_token(of_another_session), 403),
    "a token of somebody without a session": (with_token(of_nobody), 403),
    "a token of before a new sign-in": (after_a_new_sign_in, 403),
    "a token after sign-out": (after_sign_out, 401),
    "a token of a session that an admin ended": (of_a_revoked_session, 401),
    "a cookie and a token of the attacker": (by_a_cookie_of_the_attacker, 401),
    "a token in the query": (in_the_query, 403),
    "from another site": (with_headers(Sec_Fetch_Site="cross-site"), 403),
    "from a sister site": (with_headers(Sec_Fetch_Site="same-site"), 403),
    "from a site of no known kind": (with_headers(Sec_Fetch_Site="x"), 403),
    "as text": (with_headers(Content_Type="text/plain"), 415),
    "as JSON": (with_body(lambda _: b"{}", "application/json"), 415),
    "as parts": (with_body(lambda _: b"--a--", "multipart/form-data; boundary=a"), 415),
    "by GET": (by_method("GET"), 405),
    "by PUT": (by_method("PUT"), 405),
    "by DELETE": (by_method("DELETE"), 405),
    "with its token twice": (
        with_body(lambda admin: f"{encoded(admin)}&{FIELD}=x".encode()),
        422,
    ),
    "with other bytes than text": (with_body(lambda admin: encoded(admin).encode() + b"\xff"), 422),
    "with a value that is no UTF-8": (
        with_body(lambda admin: encoded(admin).encode() + b"&x=%ff"),
        422,
    ),
    "of more than 64 kB": (
        with_body(lambda admin: encoded(admin).encode() + b"&x=" + b"a" * 64_000),
        413,
    ),
    "of many fields": (with_body(lambda admin: encoded(admin).encode() + b"&x=1" * 300), 422),
    "without its key": (
        lambda admin: admin.post(PATH, {**admin.fields, KEY_FIELD: ""}),
        422,
    ),
}


def test_there_are_enough_forgeries() -> None:
    assert len(FORGED) >= 20


@pytest.mark.parametrize("forgery", FORGED.values(), ids=FORGED)
def test_a_forged_form_does_nothing(admin: Admin, forgery: tuple[Forgery, int]) -> None:
    send, status = forgery
    answer = send(admin)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert admin.made == 0


def test_a_form_that_is_sent_twice_is_done_once(admin: Admin) -> None:
    for _ in range(2):
        answer = admin.post(PATH, admin.fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/groups")
    assert admin.made == 1


def test_a_form_that_is_sent_in_parallel_is_done_once(admin: Admin) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(lambda _: admin.post(PATH, admin.fields), range(4))]
    assert {each.status_code for each in answers} <= {303, 409}
    assert admin.made == 1


def test_a_form_that_was_sent_does_nothing_with_other_fields(admin: Admin) -> None:
    admin.post(PATH, admin.fields)
    answer = admin.post(PATH, {**admin.fields, "name": f"{admin.group}-2"})
    assert answer.status_code == 422
    assert "is not a repetition" in answer.text
    admin.group += "-2"
    assert admin.made == 0


def test_the_token_of_a_form_differs_in_every_answer(admin: Admin) -> None:
    def token() -> str:
        (form,) = [
            each for each in forms_of(admin.get("/admin/groups").text) if each.action == PATH
        ]
        return form.fields[FIELD]

    assert len({token() for _ in range(5)}) == 5
