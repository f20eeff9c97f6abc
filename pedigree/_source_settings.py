"""The settings of the sources that MLflow clients name: which are fetched, and how far."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field, FilePath
from pydantic_settings import BaseSettings, NoDecode

from pedigree._durations import Duration
from pedigree._setting_lists import Networks


class Treatment(StrEnum):
    """What becomes of a version whose bytes are at a source."""

    SEAL = "seal"
    """The service fetches them, and the version is sealed."""
    REFERENCE = "reference"
    """The version is registered without them, and says where they are."""
    REFUSE = "refuse"
    """The version is not registered."""


class SourceRule(NamedTuple):
    """The treatment of all sources below a prefix."""

    prefix: str
    """A URI without a slash at its end, such as ``s3://models/churn`` or ``s3:``."""
    treatment: Treatment


# A scheme, then perhaps an authority and a path. A user, a query or an encoding has no place in it.
_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#%\\\s]*))?((?:/[^/?#%\\\s]+)*)/?")


def _rule(word: str) -> SourceRule:
    prefix, equals, treatment = word.rpartition("=")
    known = ", ".join(each.value for each in Treatment)
    if not equals or treatment not in list(Treatment):
        raise ValueError(f"{word!r} is not a prefix, =, and one of {known}")
    found = _PREFIX.fullmatch(prefix)
    if found is None or not {".", ".."}.isdisjoint(prefix.split("/")):
        raise ValueError(f"{prefix!r} is not the beginning of a URI, such as s3://models/")
    scheme, authority, path = found.groups()
    origin = scheme.lower() + ":"
    if authority is not None and (authority or path):
        origin += "//" + (authority.lower() if scheme.startswith("http") else authority)
    return SourceRule(origin + path, Treatment(treatment))


def _rules(given: object) -> object:
    """Read words such as ``s3://models/=seal``; return a value that is no text unchanged.

    Raises:
        ValueError: A word is no such rule, or two have the same prefix; the message names it.
    """
    if not isinstance(given, str):
        return given
    rules = tuple(map(_rule, given.split()))
    prefixes = [rule.prefix for rule in rules]
    for prefix in prefixes:
        if prefixes.count(prefix) > 1:
            raise ValueError(f"{prefix!r} has two rules")
    return rules


SourceRules = Annotated[tuple[SourceRule, ...], NoDecode, BeforeValidator(_rules)]


class SourceSettings(BaseSettings):
    """The settings of the sources of MLflow clients' versions."""

    mlflow_sources: SourceRules = Field(
        default=(),
        description="What becomes of versions of MLflow clients, by the prefix of their source, by"
        " spaces: `s3://models/=seal` fetches their bytes, `=reference` registers them without,"
        " `=refuse` refuses; the longest prefix counts",
    )
    mlflow_source_files: int = Field(
        default=10_000, ge=1, description="Maximum files of a source that is fetched"
    )
    mlflow_source_bytes: int = Field(
        default=100 << 30, ge=1, description="Maximum bytes of a source that is fetched"
    )
    mlflow_source_timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(hours=1), description="Time limit of fetching a source"
    )
    mlflow_source_networks: Networks = Field(
        default=(),
        description="Private networks in which https sources may be, such as 10.0.0.0/8",
    )
    mlflow_source_ca_file: FilePath | None = Field(
        default=None,
        description="CA certificates (PEM) to trust for https sources, in addition to the system's",
    )
    mlflow_upstream_timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(seconds=10),
        description="Time limit of a question to the MLflow tracking server about a source",
    )
