"""Texts with words of the list are found, with their place and what to write instead."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tools.plain_english.prose import prose
from tools.plain_english.texts import Text, findings
from tools.plain_english.words import matches

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "text",
    [
        "Only events behind this seq",
        "So many seconds it holds",
        "So long the present one signs as well",
        "Send a message that tells of nothing",
        "the old one behind a comma",
        "lies in no year",
        "is no name of somebody who acts",
        "The receiver is told",
        "as is said",
        "judged anew",
        "Whoever asks",
        "when the process lets go of it",
        "null: for ever",
        "so\nmany",
    ],
)
def test_a_text_in_the_dialect_has_a_finding(text: str) -> None:
    assert list(matches(text))


@pytest.mark.parametrize(
    "text",
    [
        "Run the service behind a reverse proxy or behind the load balancer.",
        "How many versions behind: production is two versions behind the data.",
        "A token is valid as long as it is not revoked.",
        "There is no such model.",
        "The lock is no longer held.",
        "It reports each delivery. The old key follows after a comma.",
    ],
)
def test_a_plain_text_has_none(text: str) -> None:
    assert list(matches(text)) == []


def test_a_finding_names_file_line_words_and_replacement() -> None:
    markdown = "# Title\n\nA plain line,\nand one that is told.\n\n| a |\n|---|\n| anew |\n"
    assert list(findings(prose("docs/page.md", markdown))) == [
        "docs/page.md:4: 'told': write notified, informed, or the verb of what happens",
        "docs/page.md:8: 'anew': write again",
    ]


def test_code_and_generated_parts_are_not_prose() -> None:
    code = "`told` is code.\n\n```sh\necho told\n```\n\n"
    part = "<!-- part -->\n\ntold\n\n<!-- /part -->\n\n"
    markdown = f"{code}{part}end\n"
    assert [each.text for each in prose("page.md", markdown)] == ["`…` is code.", "end"]


def test_help_descriptions_and_errors_of_a_module_are_texts() -> None:
    from tools.plain_english.code import module_texts

    source = (
        "class LateError(Exception):\n"
        '    """It was told."""\n'
        "seconds = Field(description='so many')\n"
        "option = typer.Option(None, help=f'{name} anew')\n"
        "def check(value):\n"
        "    raise LateError(f'{value!r} is no name', remedy='Ask whoever')\n"
        "    return 'told, but shown to nobody'\n"
    )
    found = [
        line.partition(": write")[0] for line in findings(module_texts("a.py", ast.parse(source)))
    ]
    assert sorted(set(found)) == [
        "a.py:1: 'told'",
        "a.py:3: 'so many'",
        "a.py:4: 'anew'",
        "a.py:6: 'is no'",
        "a.py:6: 'whoever'",
    ]


def test_the_commands_and_the_openapi_document_are_read() -> None:
    from tools.plain_english.code import command_texts, service_texts

    assert "List the registered models and the versions in their stages." in {
        text.text for text in command_texts()
    }
    assert len({text.file for text in service_texts()}) > 150


def test_a_line_break_of_a_docstring_counts() -> None:
    text = Text(file="a.py", line=10, text="One line.\n\nJudged anew.", breaks=True)
    assert list(findings([text])) == ["a.py:12: 'anew': write again"]


def test_the_program_ends_with_1_on_findings_and_with_0_without(tmp_path: Path) -> None:
    def run(markdown: str) -> tuple[int, str]:
        (tmp_path / "README.md").write_text(markdown)
        done = subprocess.run(
            [sys.executable, "-m", "tools.plain_english", "docs"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout

    assert run("Plain.\n") == (0, "")
    code, shown = run("It is judged anew.\n")
    assert (code, shown) == (1, "README.md:1: 'anew': write again\n")
