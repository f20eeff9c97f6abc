"""Every page and form, for every role, own and foreign models: by the table that REST has."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pedigree.access.records import Role
from pedigree.server.web.form_tokens import FIELD
from pedigree.settings import Settings
from tests.access.rights import table
from tests.factories import SECRET_KEY, register
from tests.server.conftest import Served, serving
from tests.server.routes import Target, pages
from tests.web.browsing import Browser, forms_of, words_of

OWN, FOREIGN = "churn", "fraud"


@pytest.fixture(scope="module")
def served(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with two models."""
    more = {"secret_key": SECRET_KEY, "serve_delivers": False}
    with serving(settings.model_copy(update=more)) as served:
        folder: Path = tmp_path_factory.mktemp("rights")
        for content, name in (("one", OWN), ("two", FOREIGN)):
            register(served.registry, folder, content, name)
        yield served


class Session(Browser):
    """The browser of somebody who signed in, with the token of their forms."""

    def __init__(self, served: Served, role: Role, models: tuple[str, ...] = ()) -> None:
        super().__init__(served.url)
        issued = served.registry.create_token(f"{role}-here", roles=[role], models=models)
        self.sign_in(issued.secret)
        (form,) = [f for f in forms_of(self.get("/sign-in").text) if f.action == "/sign-out"]
        self.token = form.fields[FIELD]

    def is_refused(self, target: Target, name: str) -> bool:
        """Whether the visitor may not open a page, or send its form."""
        path = target.path.replace(f"/models/{OWN}", f"/models/{name}")
        fields = {FIELD: self.token, "version": f"{name}/1", "reason": "a test"}
        answer = self.get(path) if target.method == "GET" else self.post(path, fields)
        assert answer.status_code < 500, (target, answer.text)
        if answer.status_code == 403:
            assert (
                "Your role does not allow this" in words_of(answer.text)
                or "not done" in answer.text
            )
        return answer.status_code == 403


@pytest.mark.parametrize("role", [*Role])
def test_a_role_opens_the_pages_of_the_table_and_sends_their_forms(
    served: Served, role: Role
) -> None:
    rights = table()
    with Session(served, role) as session:
        for target in pages():
            allowed = rights[str(target)][role].every
            if target.method == "POST" and allowed == "Y" and "collect" in target.path:
                continue  # it is done at once, and by the plan that it names
            assert session.is_refused(target, OWN) == (allowed == "N"), target


@pytest.mark.parametrize("role", [*Role])
def test_a_role_on_some_models_opens_no_page_of_others(served: Served, role: Role) -> None:
    rights = table()
    with Session(served, role, (OWN,)) as session:
        for target in pages():
            cell = rights[str(target)][role]
            for name, allowed in ((OWN, cell.own), (FOREIGN, cell.foreign)):
                if allowed == "L" or (name == FOREIGN and f"/{OWN}" not in target.path):
                    continue  # its verb decides, or it is about no model
                assert session.is_refused(target, name) == (allowed == "N"), (target, name)
