"""Sources as typed values, and every spelling that two readers could understand differently."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.errors import InvalidSourceError
from pedigree.sources.claims import OriginClaim, require_consistent
from pedigree.sources.uri import (
    FileSource,
    ForeignSource,
    LoggedModelSource,
    ObjectSource,
    ProxiedSource,
    RegisteredSource,
    RunSource,
    Source,
    WebSource,
    parse_source,
)

ABSOLUTE = "an absolute path must be provided without relative path references present"
LOCAL = "To use a local path as a model version source, the run_id request parameter has to be"
IDENTIFY = "request parameter must identify the resource that contains the source"

PLACES: dict[str, Source] = {
    "s3://models/churn/7": ObjectSource("s3", "models", "churn/7"),
    "s3://models/churn/7/": ObjectSource("s3", "models", "churn/7"),
    "S3://models/my model": ObjectSource("s3", "models", "my model"),
    "gs://a-bucket.example/x": ObjectSource("gs", "a-bucket.example", "x"),
    "abfss://box@acc.dfs.core.windows.net/x": ObjectSource(
        "abfss", "box@acc.dfs.core.windows.net", "x"
    ),
    "https://Files.example:8443/a%20b/": WebSource("https://files.example:8443/a%20b"),
    "file:///srv/models/a%20b": FileSource("/srv/models/a b"),
    "file:/srv/models": FileSource("/srv/models"),
    "/srv/models": FileSource("/srv/models"),
    "models": FileSource("models"),
    "dbfs:/models/x": ForeignSource("dbfs", "dbfs:/models/x"),
    "models:/churn/3": RegisteredSource("churn", version=3),
    "models:/churn/latest": RegisteredSource("churn"),
    "models:/churn/Production": RegisteredSource("churn", stage="Production"),
    "models:/churn@champion": RegisteredSource("churn", alias="champion"),
    "models:/m-0123456789abcdef": LoggedModelSource("m-0123456789abcdef"),
    "runs:/0a1b/model": RunSource("0a1b", "model"),
    "runs:/0a1b": RunSource("0a1b", ""),
    "mlflow-artifacts:/0/0a1b/artifacts/model": ProxiedSource("0/0a1b/artifacts/model"),
}


@pytest.mark.parametrize("source", PLACES)
def test_a_source_is_a_place(source: str) -> None:
    assert parse_source(source) == PLACES[source]


# The ends of paths that leave their folder, hide a part, or mean something else to another reader.
CLIMBS = ("../x", "a/../../x", "..", "a/./b", "a/..")
HIDDEN = ("a#../x", "a?x=../y", "a?x", "a#b", "a;b", "a;type=i", "a?")
OTHERS = ("a\\b", "..\\x", "a\x00b", "a\nb", "a\u202eb", "a//b", "a\ud800b", "a\x7f")
BEGINNINGS = (
    *("s3://models/", "gs://models/", "abfss://box@acc.dfs.core.windows.net/"),
    *("https://files.example/", "http://h/api/2.0/mlflow-artifacts/artifacts/", "file:///srv/"),
    *("mlflow-artifacts:/", "runs:/0a1b/", "dbfs:/", "/srv/", "models:/churn/"),
)


@pytest.mark.parametrize(
    ("beginning", "end"), list(product(BEGINNINGS, (*CLIMBS, *HIDDEN, *OTHERS)))
)
def test_a_path_with_two_meanings_is_refused(beginning: str, end: str) -> None:
    with pytest.raises(InvalidSourceError):
        parse_source(beginning + end)


@pytest.mark.parametrize(
    ("beginning", "end", "times"),
    list(product(BEGINNINGS, (*CLIMBS, *HIDDEN[:2], "a\\b", "a\x00b", "/etc"), (1, 2, 3, 7))),
)
def test_an_encoding_hides_nothing(beginning: str, end: str, times: int) -> None:
    hidden = "".join(f"%{ord(each):02x}" for each in end)
    for _ in range(times - 1):
        hidden = hidden.replace("%", "%25")
    with pytest.raises(InvalidSourceError):
        parse_source((beginning + hidden)[:500])


@pytest.mark.parametrize("slash", ["\uff0f", "\u2044", "%ef%bc%8f"])
def test_a_slash_of_another_script_hides_no_climb(slash: str) -> None:
    if slash == "\u2044":
        assert isinstance(parse_source(f"s3://models/a{slash}b"), ObjectSource)
        return
    with pytest.raises(InvalidSourceError, match=ABSOLUTE):
        parse_source(f"s3://models/a{slash}..{slash}b")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("s3://models/a/../b", ABSOLUTE),
        ("/srv/../etc/passwd", LOCAL),
        ("file:///srv/../etc", LOCAL),
        ("file://other.example/srv", "is not a valid remote uri"),
        ("file://localhost/srv", "is not a valid remote uri"),
        ("file:srv", ABSOLUTE),
        ("file:////etc/passwd", "empty part"),
        ("//etc/passwd", "empty part"),
        ("s3:/models/x", "no bucket"),
        ("s3:///x", "no bucket"),
        ("s3://key:secret@models/x", "no bucket"),
        ("s3://models", "no path"),
        ("s3://models/", "no path"),
        ("abfss://acc.dfs.core.windows.net/x", "no bucket or container"),
        ("https://ann:secret@files.example/x", "neither user nor fragment"),
        ("https:///x", "not an HTTP URL"),
        ("https://files.example/", "no path"),
        ("https://files.example/a%252520b", "percent-encoded"),
        ("s3://models/a%20b", "percent-encoded"),
        ("mlflow-artifacts://evil.example/0/x", "cannot use the 'mlflow-artifacts' scheme"),
        ("runs://host/R/model", IDENTIFY),
        ("runs:/", IDENTIFY),
        ("models:/", IDENTIFY),
        ("models:/a/b/c", IDENTIFY),
        ("models:/churn/ ", IDENTIFY),
        ("models:/churn@", IDENTIFY),
        ("models:/churn", IDENTIFY),
        ("models://profile/churn/3", "must use the active model registry"),
        ("x" * 501, "at most 500 characters"),
    ],
)
def test_a_refusal_says_why(source: str, text: str) -> None:
    with pytest.raises(InvalidSourceError, match=text) as caught:
        parse_source(source)
    assert "secret" not in str(caught.value)


def test_a_refusal_has_the_text_of_mlflow() -> None:
    with pytest.raises(InvalidSourceError) as caught:
        parse_source("s3://b/../x")
    assert str(caught.value) == (
        "Invalid model version source: 's3://b/../x'. If supplying a source as an http, https, "
        "local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be "
        "provided without relative path references present. Please provide an absolute path."
    )


@given(st.text(max_size=40), st.sampled_from(BEGINNINGS))
def test_no_text_is_read_as_a_path_that_climbs(text: str, beginning: str) -> None:
    try:
        place = parse_source(beginning + text)
    except InvalidSourceError:
        return
    path = getattr(place, "path", getattr(place, "uri", ""))
    assert not {"..", "."} & set(path.split("/"))
    assert not set(path) & set("\\\x00#?")


@pytest.mark.parametrize(
    ("source", "run_id", "model_id"),
    [
        ("runs:/0a1b/model", None, None),
        ("runs:/0a1b/model", "other", None),
        ("runs:/0a1b/model", "0a1b", "m-1"),
        ("models:/m-0123", None, None),
        ("models:/m-0123", "0a1b", "m-4567"),
        ("models:/m-0123", "m-0123", None),
        ("mlflow-artifacts:/0/R/artifacts", None, None),
    ],
)
def test_a_source_of_another_run_is_refused(
    source: str, run_id: str | None, model_id: str | None
) -> None:
    claim = OriginClaim(source=source, run_id=run_id, model_id=model_id)
    with pytest.raises(InvalidSourceError, match=IDENTIFY):
        require_consistent(claim, parse_source(source))


@pytest.mark.parametrize(
    ("source", "run_id", "model_id"),
    [
        ("runs:/0a1b/model", "0a1b", None),
        ("models:/m-0123", None, "m-0123"),
        ("models:/m-0123", "0a1b", "m-0123"),
        ("mlflow-artifacts:/0/R/artifacts", "R", None),
        ("s3://models/churn", None, None),
        ("s3://models/churn", "R", "m-1"),
    ],
)
def test_a_source_of_its_own_run_is_consistent(
    source: str, run_id: str | None, model_id: str | None
) -> None:
    require_consistent(
        OriginClaim(source=source, run_id=run_id, model_id=model_id), parse_source(source)
    )
