"""Examples of the pages that no other test runs are accepted by the code."""

import pytest

from tests.documents import ROOT, blocks_of, commands_of

PAGES = ["README.md", *(page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/*.md"))]


def test_the_policy_of_the_page_on_policies_is_accepted() -> None:
    from pedigree.lifecycle.checks.settings import require_known_settings
    from pedigree.lifecycle.policy import open_policy
    from pedigree.lifecycle.policy_yaml import read_document

    text, open_text = blocks_of("docs/policies.md", "yaml")
    policy = read_document(text)
    require_known_settings(policy)
    assert [stage.name for stage in policy.stages] == ["candidate", "production", "archived"]
    assert read_document(open_text) == open_policy()


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_and_options_that_a_page_shows_are_there(page: str) -> None:
    import typer.main
    from typer.core import TyperGroup

    from pedigree.cli.main import app

    for words in commands_of(page):
        command = typer.main.get_command(app)
        known = {option for each in command.params for option in each.opts}
        rest = iter(words)
        while isinstance(command, TyperGroup):
            word = next(rest)
            if word not in known:
                command = command.commands[word]
        known |= {option for each in command.params for option in each.opts}
        used = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert used <= known, words
