"""The rules of `PEDIGREE_MLFLOW_SOURCES`: fetched, a reference, or refused."""

import pytest
from pydantic import ValidationError

from pedigree._source_settings import Treatment
from pedigree.errors import InvalidSourceError
from pedigree.settings import Settings
from pedigree.sources.rules import require_treatment
from pedigree.sources.uri import RegisteredSource, parse_source

RULES = (
    "s3://models/=seal s3://models/secret=refuse s3:=reference gs://all=seal"
    " https://Files.example/pub/=seal file:///srv/models=seal dbfs:=seal"
    " abfss://box@acc.dfs.core.windows.net=seal runs:/=reference"
)


def treatment(source: str, rules: str = "", *, has_upstream: bool = False) -> Treatment:
    place = parse_source(source)
    assert not isinstance(place, RegisteredSource)
    settings = Settings.model_validate({"mlflow_sources": rules})
    return require_treatment(source, place, settings.mlflow_sources, has_upstream=has_upstream)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("s3://models/churn", Treatment.SEAL),
        ("s3://models/secret-not", Treatment.SEAL),
        ("s3://models-of-others/churn", Treatment.REFERENCE),
        ("s3://other/churn", Treatment.REFERENCE),
        ("gs://all/churn", Treatment.SEAL),
        ("gs://alloy/churn", Treatment.REFERENCE),
        ("https://files.example/pub/x", Treatment.SEAL),
        ("file:///srv/models/x", Treatment.SEAL),
        ("/srv/models/x", Treatment.SEAL),
        ("abfss://box@acc.dfs.core.windows.net/x", Treatment.SEAL),
    ],
)
def test_the_longest_prefix_counts(source: str, wanted: Treatment) -> None:
    assert treatment(source, RULES) is wanted


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("s3://models/secret", "PEDIGREE_MLFLOW_SOURCES refuses"),
        ("s3://models/secret/x", "PEDIGREE_MLFLOW_SOURCES refuses"),
        ("https://files.example/private/x", "cannot use the 'https' scheme"),
        ("https://files.example.evil/pub/x", "cannot use the 'https' scheme"),
        ("http://files.example/pub/x", "cannot use the 'http' scheme"),
        ("https://files.example:444/pub/x", "cannot use the 'https' scheme"),
        ("/srv/models-of-others", "To use a local path"),
        ("/srv", "To use a local path"),
        ("srv/models/x", "To use a local path"),
        ("abfss://box@evil.example/x", "cannot use the 'abfss' scheme"),
        ("hdfs://host/x", "cannot use the 'hdfs' scheme"),
        ("dbfs:/x", "cannot fetch from dbfs"),
    ],
)
def test_what_no_rule_allows_is_refused(source: str, text: str) -> None:
    with pytest.raises(InvalidSourceError, match=text):
        treatment(source, RULES)


@pytest.mark.parametrize(
    ("source", "alone", "with_upstream"),
    [
        ("s3://models/x", Treatment.REFERENCE, Treatment.REFERENCE),
        ("dbfs:/x", Treatment.REFERENCE, Treatment.REFERENCE),
        ("runs:/R/model", Treatment.REFERENCE, Treatment.SEAL),
        ("models:/m-1", Treatment.REFERENCE, Treatment.SEAL),
        ("mlflow-artifacts:/0/R", Treatment.REFERENCE, Treatment.SEAL),
    ],
)
def test_without_a_rule_an_upstream_decides(
    source: str, alone: Treatment, with_upstream: Treatment
) -> None:
    assert treatment(source) is alone
    assert treatment(source, has_upstream=True) is with_upstream


def test_a_rule_for_runs_comes_before_the_upstream() -> None:
    assert treatment("runs:/R/model", RULES, has_upstream=True) is Treatment.REFERENCE


@pytest.mark.parametrize(
    "word",
    [
        *("s3://models", "s3://models=keep", "=seal", "models=seal", "s3://a/../b=seal"),
        *("s3://a?x=seal", "s3://a%2fb=seal", "file:///srv/.=seal", "s3://a=seal s3://a/=refuse"),
    ],
)
def test_a_word_that_is_no_rule_is_refused(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDIGREE_MLFLOW_SOURCES", word)
    with pytest.raises(ValidationError, match="mlflow_sources"):
        Settings()


def test_the_environment_names_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDIGREE_MLFLOW_SOURCES", "S3://Models/=seal  file:///=refuse s3://=refuse")
    prefixes = [rule.prefix for rule in Settings().mlflow_sources]
    assert prefixes == ["s3://Models", "file:", "s3:"]
