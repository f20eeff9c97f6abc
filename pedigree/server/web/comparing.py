"""The page that compares two to five versions: what differs first, in words, then in tables."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.catalog.diff_records import MetricChange, VersionComparison
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_reference
from pedigree.errors import InvalidInputError
from pedigree.registry import Registry
from pedigree.server.http.auth import requires
from pedigree.server.web.links import COMPARE
from pedigree.server.web.metric_directions import MetricJudgement, directions, judged
from pedigree.server.web.pictures.bars import bars
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit
from pedigree.server.web.words import plural

pages = Pages()

MOST = 5
_ORDER = (
    MetricJudgement.WORSE,
    MetricJudgement.BETTER,
    MetricJudgement.UNKNOWN,
    MetricJudgement.SAME,
)


class JudgedMetric(NamedTuple):
    """A metric of two versions, with what its difference means.

    Attributes:
        change: The values and their difference.
        judgement: What it means, as far as the policy says which way is better.
        picture: Both values as bars; None if one of them is missing.
    """

    change: MetricChange
    judgement: MetricJudgement
    picture: Markup | None


class ComparedVersions(NamedTuple):
    """Two versions and their differences, as the page shows them.

    Attributes:
        a: The version that is compared with.
        b: The version that is compared.
        found: The differences.
        metrics: Their metrics, those that became worse first.
        words: The differences in a few phrases, with whether each is bad news.
        same: What is the same in both.
    """

    a: ModelVersion
    b: ModelVersion
    found: VersionComparison
    metrics: tuple[JudgedMetric, ...]
    words: tuple[tuple[str, bool], ...]
    same: tuple[str, ...]


@pages.get(COMPARE)
@requires(Permission.READ, model_in_body=True)
def compare(visit: Visit) -> Response:
    """Compare the first of some versions with each of the others."""
    references = _references(visit)
    if len(references) < 2:
        return visit.page("choose.html", title="Compare", references=references)
    first, *others = references
    found = tuple(comparison(visit.registry, first, other) for other in others)
    versions = (found[0].a, *(each.b for each in found))
    return visit.page(
        "compare.html",
        watches=[(each.model_name, each.version_id) for each in versions],
        title=" and ".join(references),
        comparisons=found,
        references=references,
    )


def comparison(registry: Registry, a: str, b: str) -> ComparedVersions:
    """Return how version ``b`` differs from version ``a``, with what it means.

    Raises:
        NotFoundError: A reference names no version.
        NotPermittedError: The caller may not read one of their models.
    """
    found = registry.compare(a, b)
    old, new = registry.get(a), registry.get(b)
    known = directions(registry.policy(new.model_name))
    metrics = tuple(
        JudgedMetric(each, judged(each.delta, known.get(each.name)), bars(each.a, each.b))
        for each in found.metrics
    )
    order = [
        MetricJudgement.WORSE,
        MetricJudgement.BETTER,
        MetricJudgement.UNKNOWN,
        MetricJudgement.SAME,
    ]
    ordered = sorted(metrics, key=lambda each: (order.index(each.judgement), each.change.name))
    code = _code(old, new, found)
    return ComparedVersions(
        old,
        new,
        found,
        tuple(ordered),
        tuple(_words(found, ordered, code)),
        tuple(_same(found, code)),
    )


def _references(visit: Visit) -> list[str]:
    """Return the versions that a URL names: ``v`` several times, or ``a`` and ``b``.

    Raises:
        InvalidInputError: It names too many.
        InvalidReferenceError: One is no reference.
    """
    given = visit.query.getlist("v") or [*visit.query.getlist("a"), *visit.query.getlist("b")]
    references = list(dict.fromkeys(each for each in given if each))
    if len(references) > MOST:
        raise InvalidInputError(
            f"names {len(references)} versions, but a page compares at most {MOST}",
            field="v",
            remedy="Choose two to five",
        )
    return sorted(references, key=_place)


def _place(reference: str) -> tuple[str, int]:
    """Return where a version stands: the older ones of a model come first."""
    parsed = parse_reference(reference)
    return parsed.name, parsed.version or 0


def _code(a: ModelVersion, b: ModelVersion, found: VersionComparison) -> str:
    """Return in words whether the code is the same; versions that name none may have any."""
    if found.code:
        return "other code"
    known = all(each.git_commit or each.code_version for each in (a, b))
    return "same code" if known else "whether the code is the same is not known"


def _words(
    found: VersionComparison, metrics: Sequence[JudgedMetric], code: str
) -> Iterator[tuple[str, bool]]:
    if not found.signature_known:
        yield "whether callers must change is not known", True
    elif found.breaks:
        yield "callers must change", True
    elif found.signature:
        yield "another interface, callers may stay", False
    else:
        yield "same interface", False
    yield from _metric_words(metrics)
    if found.data:
        yield f"{plural(found.data, 'input')} with other data", False
    elif found.data_certain:
        yield "same data", False
    else:
        yield "whether the data is the same is not known", False
    yield code, False
    if found.packages:
        yield plural(found.packages, "other package"), False


def _metric_words(metrics: Sequence[JudgedMetric]) -> Iterator[tuple[str, bool]]:
    counts = {
        kind: sum(each.judgement is kind for each in metrics)
        for kind in (MetricJudgement.BETTER, MetricJudgement.WORSE, MetricJudgement.UNKNOWN)
    }
    whole = plural(metrics, "metric")
    if counts[MetricJudgement.BETTER]:
        yield f"better in {counts[MetricJudgement.BETTER]} of {whole}", False
    if counts[MetricJudgement.WORSE]:
        yield f"worse in {counts[MetricJudgement.WORSE]} of {whole}", True
    if counts[MetricJudgement.UNKNOWN]:
        unclear = plural(counts[MetricJudgement.UNKNOWN], "metric")
        yield f"{unclear} of which no policy says what is better", False
    if metrics and not any(counts.values()):
        yield "same metrics", False


def _same(found: VersionComparison, code: str) -> Iterator[str]:
    for name, changes, known in (
        ("interface", found.signature, found.signature_known),
        ("parameters", found.params, True),
        ("packages", found.packages, True),
        ("tags", found.tags, True),
        ("files", found.files, found.files_known),
        ("description and owners", found.about, True),
    ):
        if not changes and known:
            yield name
    if code == "same code":
        yield "code"
    if not found.data and found.data_certain:
        yield "data"
