import itertools
import re
import subprocess
import sys
from typing import Any

import jinja2
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pedigree.cards.records import CardNotes
from pedigree.cards.render import MOST_ROWS, _environment, render_card, render_summary
from pedigree.catalog.records import DeclaredMetadata, Training
from pedigree.lineage.records import Certainty, LineageGraph
from pedigree.signatures.records import Column, ColumnType, Signature
from tests.cards.records import (
    DIGEST,
    card,
    declared,
    group_verdicts,
    lineage,
    notes,
    timeline,
    training,
    verdicts,
    version,
)
from tests.lineage.graphs import graph as made_of
from tests.lineage.graphs import missing, node

# Mitchell et al., "Model Cards for Model Reporting", figure 1.
SECTIONS = {
    "Model Details": ["Algorithm, Features and Constraints", "Parameters", "Citation"],
    "Intended Use": [
        "Primary Intended Uses",
        "Primary Intended Users",
        "Out-of-Scope Uses",
    ],
    "Factors": ["Relevant Factors", "Evaluation Factors"],
    "Metrics": ["Model Performance Measures", "Decision Thresholds", "Variation Approaches"],
    "Evaluation Data": ["Datasets", "Motivation", "Preprocessing"],
    "Training Data": ["Datasets", "Motivation", "Preprocessing"],
    "Quantitative Analyses": ["Unitary Results", "Intersectional Results"],
    "Ethical Considerations": [
        "Sensitive Data",
        "Human Life",
        "Mitigations",
        "Risks and Harms",
        "Fraught Use Cases",
    ],
    "Caveats and Recommendations": ["Caveats", "Recommendations"],
}
HOSTILE = [
    "# a heading",
    "a\n\n# a heading",
    "a\n---",
    "---\nlicense: mine\n---",
    "a | b | c",
    "a \\| b",
    "\\",
    "| a |\n|---|\n| b |",
    "<script>alert(1)</script>",
    "<!-- hidden",
    "&lt;b&gt; &amp;",
    "</details>",
    "[text](javascript:alert(1))",
    "![image](http://x/y.png)",
    "<http://x>",
    "[ref]: http://x",
    "{{ 7 * 7 }}{% include 'summary.md.j2' %}{# gone #}",
    "```\ncode",
    "~~~",
    "`code`",
    "**bold** _it_ __b__ ~~s~~",
    "- item",
    "1. item",
    "> quote",
    "    indented code",
    "\t\u2028\u2029\x0b\x0c\x85",
    "\u202etxt.exe",
    "a\x00b\x1b[31m",
    "$x$ $$y$$",
]
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def body_of(text: str) -> str:
    return text.split("\n---\n", 1)[1]


def head_of(text: str) -> dict[str, Any]:
    head: dict[str, Any] = yaml.safe_load(text.removeprefix("---\n").split("\n---\n", 1)[0])
    return head


def tokens(markdown: str) -> list[Token]:
    return [token for block in PARSER.parse(markdown) for token in (block, *(block.children or ()))]


def structure(markdown: str) -> list[tuple[str, str]]:
    """The blocks of a text, with consecutive paragraphs joined."""
    found: list[tuple[str, str]] = []
    for token in PARSER.parse(markdown):
        if token.type in {"inline", "paragraph_close"}:
            continue
        block = (token.type, token.tag)
        if block != ("paragraph_open", "p") or found[-1:] != [block]:
            found.append(block)
    return found


def headings(markdown: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    parsed = PARSER.parse(markdown)
    for opening, inline in itertools.pairwise(parsed):
        if opening.type == "heading_open" and opening.tag == "h2":
            found[inline.content] = []
        elif opening.type == "heading_open" and opening.tag == "h3":
            found[list(found)[-1]].append(inline.content)
    return found


def cells(markdown: str) -> list[str]:
    """What a reader sees in each cell of each table."""
    return [
        "".join(token.content for token in inline.children or ())
        for opening, inline in itertools.pairwise(PARSER.parse(markdown))
        if opening.type == "td_open"
    ]


def plain(markdown: str) -> str:
    """What a reader sees."""
    return "".join(
        token.content for token in tokens(markdown) if token.type in {"text", "code_inline"}
    )


def test_the_card_has_every_section_of_mitchell_et_al_in_their_order() -> None:
    found = headings(body_of(card()))
    assert [name for name in found if name in SECTIONS] == list(SECTIONS)
    for section, parts in SECTIONS.items():
        assert [part for part in found[section] if part in parts] == parts, section


def test_every_note_is_shown() -> None:
    values = {
        name: ("unique-" + name,) if name == "languages" else f"unique-{name}"
        for name in CardNotes.model_fields
    }
    text = plain(body_of(card(human=CardNotes(**values))))  # type: ignore[arg-type]  # by field
    assert [name for name in values if f"unique-{name}" not in text] == []


def test_every_declared_field_is_shown() -> None:
    fixed = {
        "flavor": "unique-flavor",
        "git_commit": "c0ffee0123456789",
        "environment_hash": "sha256:" + "e" * 64,
    }
    unique = {
        name: fixed.get(name, f"unique-{name}")
        for name, value in declared().model_dump(mode="json").items()
        if isinstance(value, str) and name != "risk_class"
    }
    text = plain(
        body_of(render_card(version(**unique), training(**unique), lineage(), (), (), CardNotes()))
    )
    assert [name for name, value in unique.items() if value not in text] == []


def test_the_card_lists_the_training_data_exactly() -> None:
    text = card()
    assert (
        "| `flights` | `2013-01-01` | `v1` | 101 | materialization |"
        " 2013-10-01 12:30:00 UTC | `words` | read | read |" in text
    )
    assert "| `words` | `words` | `words` | *not provided* | external |" in text
    assert "| declared | possible |" in text
    assert "| `raw/words` | *not provided* | `words` | 9 | observation |" in text
    assert "| *not provided* | proved |" in text
    assert "An input changed during the training" in text


def of_lineage(graph: LineageGraph) -> str:
    """The section of the card on unknown data."""
    text = render_card(version(), training(), graph, (), (), CardNotes())
    return text.split("### Unknown Data\n\n")[1].split("\n\n###")[0]


def test_the_card_states_which_data_is_unknown() -> None:
    possible = made_of(node(1, "a"), behind=(node(2, "b"),), certainty=Certainty.POSSIBLE)
    lost = made_of(node(1, "a"), missing(2, "rates", upstream=("central_bank", "fx")))
    assert of_lineage(made_of(node(1, "a"))).startswith("None: the upstream is complete")
    assert of_lineage(possible) == (
        "*Possible* data is one of several states that match the record."
    )
    assert of_lineage(lost) == (
        "**It is unknown which data of these was used:** `rates`.\n\n"
        "**It is unknown whether this version depends on:** `central_bank`, `fx`."
    )
    assert "it may depend on any asset" in of_lineage(made_of(missing(1, "a", upstream=None)))
    assert of_lineage(LineageGraph()).startswith("**No lineage is recorded")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_keys_of_unknown_assets_stay_text(text: str) -> None:
    def part(name: str) -> str:
        return of_lineage(made_of(missing(1, name, upstream=(name, "b"))))

    assert structure(part(f"{text} end")) == structure(part("plain"))


def test_the_summary_shows_the_certainty_of_its_data() -> None:
    lost = made_of(node(1, "a", "p1"), missing(2, "rates", upstream=("central_bank",)))
    text = render_summary(version(), lost)
    assert "| `a` | p1 | `v1` | read | read |" in text
    assert "| `rates` | unknown | *not provided* | read | unknown |" in text
    assert "**It is unknown whether this version depends on:** `central_bank`." in text
    assert "unknown" not in render_summary(version(), made_of(node(1, "a")))
    assert "unknown" not in render_summary(version())


def test_metrics_are_those_of_the_training_and_exact() -> None:
    other = training(metrics={"auc": 0.1 + 0.2})
    text = render_card(version(), other, lineage(), (), (), CardNotes())
    assert "| auc | 0.30000000000000004 |" in text
    assert "| recall |" not in text


def test_the_card_shows_verdicts_timeline_and_approval() -> None:
    text = card()
    assert re.search(r"\| no_regression \| failed \| words \| `sha256:cdcd", text)
    assert "| metadata_complete | warning | words | nothing |" in text
    assert "| stage:staging | 2013-09-30 12:30:00 UTC | 2013-10-01 12:30:00 UTC | words |" in text
    assert "| alias:words | 2013-10-01 12:30:00 UTC | now | words | *not provided* |" in text
    assert "predecessor" not in text  # another version's tenure
    assert "- **Approval:** approved" in text
    assert "- **Risk class:** high" in text
    assert "- **Uncommitted changes:** yes" in text


def test_results_by_group_are_a_section_where_a_check_judged_groups() -> None:
    text = body_of(card(also=group_verdicts()))
    assert headings(text)["Quantitative Analyses"] == [
        "Overall Results",
        "Results by Group",
        "Unitary Results",
        "Intersectional Results",
    ]
    assert 'slice_metrics passed, by {"slices": ["words"]}: words' in plain(text)
    assert "| roc_auc | words | words &amp; co | 0.75 |" in text
    assert "fairness failed" in text
    assert "| demographic_parity_ratio | words | between the groups | *not provided* |" in text
    assert "Results by Group" not in card()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_of_groups_stay_text(text: str) -> None:
    rendered = body_of(card(f"{text} end", also=group_verdicts(f"{text} end")))
    assert structure(rendered) == structure(body_of(card(also=group_verdicts())))


def bare() -> str:
    nothing = DeclaredMetadata(
        **{
            name: getattr(declared(), name)
            for name, field in DeclaredMetadata.model_fields.items()
            if field.is_required()
        }
    )
    values = {name: getattr(nothing, name) for name in DeclaredMetadata.model_fields}
    unknown = ("approved_by", "approval_notes", "approval_timestamp", "quarantine_reason")
    return render_card(
        version(**values, **dict.fromkeys(unknown), hold_reason=None, aliases=()),
        Training.model_validate({**training().model_dump(), "metadata": nothing, "origin": {}}),
        LineageGraph(),
        (),
        (),
        CardNotes(),
    )


def test_missing_values_are_not_provided_and_never_blank() -> None:
    text = body_of(bare())
    assert headings(text) == headings(body_of(card()))
    for line in text.splitlines():
        assert not re.fullmatch(r"- \*\*.*:\*\*\s*", line), line
        assert not re.search(r"\|\s*\|", line), line
        assert "None" not in line
    for before, after in itertools.pairwise(text.split("\n\n")):
        assert not (before.startswith("### ") and after.startswith("#")), before
    assert text.count("*not provided*") > 40


def test_the_front_matter_has_only_known_fields() -> None:
    assert head_of(bare()) == {
        "model_name": "customer_churn",
        "library_name": "sklearn",
        "pedigree": {"version": 3, "digest": DIGEST},
    }


def test_the_front_matter_has_the_fields_of_hugging_face() -> None:
    human = CardNotes(license="apache-2.0", languages=("en",), task="tabular-classification")
    head = head_of(card("test-2013", human=human))
    assert head["license"] == "apache-2.0"
    assert head["language"] == ["en"]
    assert head["pipeline_tag"] == "tabular-classification"
    assert head["tags"] == ["test-2013:test-2013"]
    assert head["metrics"] == ["recall", "test-2013"]
    (index,) = head["model-index"]
    (result,) = index["results"]
    assert result["task"] == {"type": "tabular-classification"}
    assert result["dataset"] == {"name": "test-2013", "type": "test-2013"}
    assert {"type": "recall", "value": 0.5} in result["metrics"]


def test_a_generic_artifact_names_no_library() -> None:
    text = render_card(version(flavor="generic"), training(), lineage(), (), (), CardNotes())
    assert "library_name" not in head_of(text)


def test_the_same_records_give_the_same_card_in_any_order_and_any_process() -> None:
    shuffled = render_card(
        version(),
        training(),
        LineageGraph(
            nodes=lineage().nodes[::-1], edges=lineage().edges[::-1], raced=lineage().raced
        ),
        verdicts()[::-1],
        timeline(),
        notes(),
        packages=("pandas==3", "numpy==words"),
    )
    assert shuffled == card()
    code = "import sys; from tests.cards.records import card; sys.stdout.write(card())"
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"},
            capture_output=True,
            check=True,
        )
        assert done.stdout.decode() == card()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    text = f"{text} end"
    rendered = card(text)
    assert structure(body_of(rendered)) == structure(body_of(card()))
    assert headings(body_of(rendered)) == headings(body_of(card()))
    inner = {token.type for token in tokens(body_of(rendered))}
    forbidden = {"html_block", "html_inline", "link_open", "image", "s_open", "em_open"}
    assert inner & forbidden <= {"em_open"}  # "not provided" is the card's own
    assert head_of(rendered)["license"] == text
    assert set(head_of(rendered)) == set(head_of(card()))


@pytest.mark.parametrize(
    "text", ["a | b", "<b>", "{{ 7 * 7 }}", "snake_case", "a*b*c", "1. one", "`x`", "\\", "[a](b)"]
)
def test_text_is_shown_literally(text: str) -> None:
    rendered = card(human=CardNotes(primary_uses=text, caveats=(text,), contact=text))
    assert plain(body_of(rendered)).count(text) == 3


@pytest.mark.parametrize("text", ["a | b", "|", "a \\| b", "\\", "`a|b`", "a|b|c|d|e|f|g|h|i"])
def test_a_cell_of_a_table_holds_the_whole_text(text: str) -> None:
    found = cells(body_of(card(text)))
    assert found.count(text) == cells(body_of(card())).count("words") > 20


def test_paragraphs_and_points_are_kept() -> None:
    human = CardNotes(primary_uses="one\nline\n\ntwo", caveats=("a", "b\n\nc"))
    rendered = card(human=human)
    assert "### Primary Intended Uses\n\none line\n\ntwo\n\n" in rendered
    assert "### Caveats\n\n- a\n- b c\n\n" in rendered


def test_a_text_that_reads_backwards_is_shown_forwards() -> None:
    assert "\u202e" not in card("\u202etxt.exe")


@settings(max_examples=60, deadline=None)
@given(st.text().map(lambda text: f"{text}x"))
def test_no_text_at_all_changes_the_structure(text: str) -> None:
    rendered = card(text)
    assert structure(body_of(rendered)) == structure(body_of(card()))
    assert head_of(rendered)["license"] == text


def test_a_misspelt_name_in_a_template_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        _environment().from_string("{{ version.mispelt }}").render(version=version())


def test_the_summary_shows_digest_metrics_data_and_a_link() -> None:
    text = render_summary(
        version(), lineage(months=12), link="https://registry/models/customer_churn/3"
    )
    assert "**customer_churn/3** · sklearn · `sha256:abab" in text
    assert "| recall | 0.5 |" in text
    assert "| `flights` | 12: 2013-01-01 … 2013-12-01 | 12 different | read |" in text
    assert "| `words` | words | `words` | declared |" in text
    assert "with uncommitted changes" in text
    assert "[Model card](<https://registry/models/customer_churn/3>)" in text


def test_the_summary_takes_the_metrics_of_the_training_it_is_given() -> None:
    text = render_summary(version(), training=training(metrics={"auc": 0.75}))
    assert "| auc | 0.75 |" in text
    assert "Training data: *not provided*" in text


@pytest.mark.parametrize("link", ["javascript:alert(1)", "/home/x/card.md", "https://x/>(y z"])
def test_the_summary_links_only_to_urls(link: str) -> None:
    assert "link_open" not in {token.type for token in tokens(render_summary(version(), link=link))}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_the_summary(text: str) -> None:
    rendered = render_summary(version(f"{text} end"), lineage(f"{text} end"))
    assert structure(rendered) == structure(render_summary(version(), lineage()))


def test_importing_the_renderer_loads_no_jinja() -> None:
    code = "import sys, pedigree.cards.render; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_card_of_a_large_version_has_a_bound_and_says_what_it_leaves_out() -> None:
    many = MOST_ROWS + 50
    wide = Signature(
        inputs=tuple(Column(name=f"c{n}", type=ColumnType.DOUBLE) for n in range(many)),
        outputs=(Column(name="y", type=ColumnType.DOUBLE),),
    )
    nodes = [node(1 + n, "raw", f"{n:04}-{'p' * 50_000}") for n in range(many)]
    long = version().model_copy(update={"signature": wide, "quarantine_reason": "q" * 60_000})
    data = declared(params={f"p{n}": "v" * 1_000 for n in range(many)})
    text = render_card(
        long,
        training().model_copy(update={"metadata": data}),
        made_of(*nodes),
        verdicts(),
        timeline(),
        notes(),
    )
    assert len(text) < 2 << 20
    assert text.count("50 further ones are not shown.") == 2
    assert text.count("51 further ones are not shown.") == 1
    assert "q" * 2_000 + "… (58,000 further characters)" in text
    assert text.index("## Registry Record") > text.index("### Direct Inputs")
