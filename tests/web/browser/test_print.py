"""The print view of a version as PDF holds each item of the evidence, and names those that lack."""

import re
import unicodedata
from collections.abc import Mapping
from io import BytesIO

import pytest
from pypdf import PdfReader

from tests.web.browser.filling import ANN, BEN, EVE
from tests.web.browser.sites import Site

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

PATH = "/models/customer_churn/versions/1/evidence"
ITEMS: Mapping[str, tuple[str, ...]] = {
    "identity": ("Evidence of customer_churn version 1", "model.bin", "16 bytes in 1 file"),
    "why it may run": ("In production", "Risk class", "high"),
    "model card": ("Intended Use", "Ethical Considerations", "not provided"),
    "datasheets": ("Why customers were collected: to know who leaves", "features"),
    "provenance": ("models/customer_churn", "run-1", "2026-01", "old_customers"),
    "environment": ("scikit-learn==1.7.2", "pandas==2.3.3"),
    "evaluation": ("log_loss", "0.8200", "churn_test", "north"),
    "checks": ("schema", "all columns are there", "latency", "the slowest of 100 took 31 ms"),
    "decisions": (ANN, BEN, "slices are fine", "callers wait for it"),
    "deployment history": ("staging", "production", "the first one that is any good", "@baseline"),
    "interface": ("age", "score", "double"),
    "events": ("version.approved", "version.stage_changed", "version.created"),
    "proofs": ("c2sp.org/tlog-proof@v1",),
    "what is missing": (
        *("What is missing", "a datasheet of old_customers", "a risk assessment"),
        *("a signature of the artifact", "a bill of materials", "attestations of the build"),
    ),
}


def close(text: str) -> str:
    """A text without spaces and ligatures: in a PDF a line may end within a long word."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


@pytest.fixture(scope="module")
def printed(site: Site) -> str:
    """What the print view of the version in production says, as an auditor prints it."""
    with site.visited(EVE) as page:
        page.goto(PATH)
        document = page.pdf(format="A4", print_background=True)
    return close("".join(page.extract_text() for page in PdfReader(BytesIO(document)).pages))


@pytest.mark.parametrize("item", ITEMS)
def test_the_print_view_holds_each_item_of_the_evidence(printed: str, item: str) -> None:
    assert [each for each in ITEMS[item] if close(each) not in printed] == []


def test_the_print_view_has_every_digest_in_full(site: Site, printed: str) -> None:
    version = site.registry.get("customer_churn/1")
    assert version.digest in printed
    for file in site.registry.manifest("customer_churn/1").files:
        assert file.digest.removeprefix("sha256:") in printed


def test_nothing_is_folded_and_nothing_runs_out_of_the_paper(site: Site) -> None:
    with site.visited(EVE, viewport={"width": 794, "height": 1123}) as page:  # A4 at 96 dpi
        page.goto(PATH)
        page.emulate_media(media="print")
        folded = "() => document.querySelectorAll('details:not([open])').length"
        assert page.evaluate(folded) == 0
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 794
        assert page.evaluate("() => document.scripts.length") == 0
