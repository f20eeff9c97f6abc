"""Cards as HTML: whatever they hold, a page neither runs nor loads anything, nor stops."""

from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from pedigree.artifacts.records import digest_of
from pedigree.cards.records import ModelCard
from pedigree.server.web.card_html import MOST_BYTES, card_sections, is_bounded, rendered

PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<object data=//evil.example/x></object>",
    "<embed src=//evil.example/x>",
    "<link rel=stylesheet href=//evil.example/x>",
    "<style>@import '//evil.example/x'</style>",
    "<base href=//evil.example/>",
    "<form action=//evil.example><input name=q></form>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a onclick=alert(1)>x</a>",
    "<div style='background:url(//evil.example)'>x</div>",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<details open ontoggle=alert(1)>x</details>",
    "<template><img src=x onerror=alert(1)></template>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "<h2><img src=x onerror=alert(1)></h2>",
    "<h2>a</h2><script>alert(1)</script><h2>b</h2>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    "[x]: javascript:alert(1)\n\n[x]",
    "![x](//evil.example/x.png)",
    "![x](javascript:alert(1))",
    "![x][y]\n\n[y]: //evil.example/x.png",
    "<javascript:alert(1)>",
    "<http://evil.example/'onmouseover=alert(1)>",
    "[x](http://a.example 'title\" onmouseover=alert(1) x=\"')",
    '[x](http://a.example" onmouseover="alert(1))',
    "`<img src=x onerror=alert(1)>`",
    "```html\n<img src=x onerror=alert(1)>\n```",
    '```" onmouseover=alert(1) x="\nx\n```',
    "|<img src=x onerror=alert(1)>|\n|-|\n|<script>alert(1)</script>|",
    "# <img src=x onerror=alert(1)>",
    "## <img src=x onerror=alert(1)>\n\ntext",
    "## [x](javascript:alert(1))",
    "> <script>alert(1)</script>",
    "- <script>alert(1)</script>",
    "1. <img src=x onerror=alert(1)>",
    "*<script>*alert(1)*</script>*",
    "\\<img src=x onerror=alert(1)>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "&amp;lt;script&amp;gt;alert(1)",
    "\x00<img src=x onerror=alert(1)>",
    "<im\x00g src=x onerror=alert(1)>",
    "<\u200bscript>alert(1)</script>",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "---\n<script>alert(1)</script>\n---\n<img src=x onerror=alert(1)>",
    "<table><img src=x onerror=alert(1)></table>",
    "</div></main><script>alert(1)</script>",
    "<plaintext>",
    "<textarea></textarea><img src=x onerror=alert(1)>",
)
ALLOWED = {
    *("p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "hr", "br"),
    *("strong", "em", "code", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
OUR_BOX = {"class": "scroll", "tabindex": "0", "role": "region"}
PLACES = ("{}", "## Intended Use\n\n{}", "- {}", "> {}", "text {} text")


class Watcher(HTMLParser):
    """Refuses every element and attribute that a card may not have."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "div":
            assert given.pop("aria-label", "")
            assert given == OUR_BOX
            return
        assert tag in ALLOWED
        if tag == "a":
            assert given.pop("rel") == "nofollow noopener noreferrer"
            target = given.pop("href", None) or "https://"
            assert target.startswith(("http://", "https://", "mailto:"))
        assert not given


def card(markdown: str) -> ModelCard:
    digest = digest_of(markdown.encode())
    return ModelCard(
        reference="churn/1",
        revision=1,
        markdown=markdown,
        digest=digest,
        uri=f"pedigree://blobs/{digest}",
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize("place", PLACES)
def test_no_payload_leaves_more_than_text_and_links(place: str) -> None:
    for payload in PAYLOADS:
        for section in rendered(place.format(payload)):
            for html in (section.title, section.html):
                watcher = Watcher()
                watcher.feed(html)
                watcher.close()


def test_links_lead_only_to_the_web_and_to_mail() -> None:
    (section,) = rendered("[a](https://a.example) [b](javascript:alert(1)) [c](mailto:a@b.example)")
    assert section.html.count("href=") == 2


def test_sections_are_those_of_the_card_with_what_is_not_provided() -> None:
    first, second, third = rendered(
        "---\nlicense: x\n---\n# Model card: churn/1\n\nAbout it.\n\n## Model Details\n\n"
        "- **Owners:** *not provided*\n- **Task:** *not provided*\n\n## Intended Use\n\nTo try.\n"
    )
    assert (first.title, first.html, first.is_open) == ("", "<p>About it.</p>\n", True)
    assert (second.title, second.missing, second.is_open) == ("Model Details", 2, False)
    assert (third.title, third.missing, third.is_open) == ("Intended Use", 0, True)


def test_tables_scroll_in_boxes_of_their_own() -> None:
    (section,) = rendered("|a|\n|-|\n|b|\n\n|c|\n|-|\n|d|\n")
    assert section.html.count('<div class="scroll"') == section.html.count("</table></div>") == 2
    assert "Table 2 of the card" in section.html


def test_a_card_with_twenty_thousand_brackets_is_answered() -> None:
    sections = card_sections(card("[" * 20_000))
    assert sections is not None
    assert sections[0].html.count("[") == 20_000


@pytest.mark.parametrize(
    "markdown",
    [
        "x" * (MOST_BYTES + 1),
        "é" * (MOST_BYTES // 2 + 1),
        "[" * 100_000,
        "a\n" * 20_000,
        "x" * 5_000_000,
    ],
    ids=["long", "long in bytes", "brackets", "lines", "5 MB"],
)
def test_a_card_that_would_keep_the_service_busy_is_not_rendered(markdown: str) -> None:
    assert not is_bounded(markdown)
    assert card_sections(card(markdown)) is None


def test_a_card_is_rendered_once() -> None:
    text = "## A section that no other test has\n\ntext"
    assert card_sections(card(text)) is card_sections(card(text))
