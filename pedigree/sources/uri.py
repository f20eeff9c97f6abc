"""A source as a typed value.

>>> parse_source("s3://models/churn/7")
ObjectSource(scheme='s3', authority='models', path='churn/7')
>>> parse_source("models:/churn@champion")
RegisteredSource(name='churn', version=None, stage=None, alias='champion')
>>> parse_source("mlflow-artifacts:/0/%252e%252e/1")
Traceback (most recent call last):
    ...
pedigree.errors.InvalidSourceError: Invalid model version source: ...

A source is read by no more than one rule: it is refused if two readers could understand different
places by it, such as one that decodes it twice, or one that ends its path at ``#``.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import SplitResult, unquote, unquote_plus, urlsplit

from pedigree.egress.addresses import url_fault
from pedigree.errors import InvalidSourceError
from pedigree.sources import refusals

LONGEST_SOURCE = 500
"""The characters that MLflow's column for a source has."""

OBJECT_SCHEMES = ("s3", "gs", "abfss")
# MLflow connects to the host that such a URI names, so its server refuses them by default.
HOST_SCHEMES = ("ftp", "sftp", "hdfs", "viewfs", "http", "https", "r2", "b2", "abfss")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")
_CONTAINER = re.compile(r"[a-z0-9$][a-z0-9-]{1,62}@[a-z0-9][a-z0-9.-]{1,251}")
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\u2028-\\u202e\\u2066-\\u2069]")
_RUN = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}", re.ASCII)
_LOGGED_MODEL = re.compile(r"m-[a-zA-Z0-9][\w\-]{0,126}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ObjectSource:
    """A folder, or a file, in a store of objects."""

    scheme: str
    authority: str
    """The bucket; for Azure ``container@account.dfs.core.windows.net``."""
    path: str

    @property
    def uri(self) -> str:
        """The place, in one spelling."""
        return f"{self.scheme}://{self.authority}/{self.path}"


@dataclass(frozen=True, slots=True)
class WebSource:
    """A file at a web server, or a folder of MLflow's API of artifacts."""

    uri: str


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file or folder of the machine of the service."""

    path: str
    """Decoded; it may be relative, which no rule allows."""

    @property
    def uri(self) -> str:
        """The place, in one spelling."""
        return f"file://{self.path}"


@dataclass(frozen=True, slots=True)
class ForeignSource:
    """A place that only its client can read, such as ``dbfs:/models``."""

    scheme: str
    uri: str


@dataclass(frozen=True, slots=True)
class RegisteredSource:
    """A version of a registered model, ``models:/name/3``; the newest one without any of three."""

    name: str
    version: int | None = None
    stage: str | None = None
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class LoggedModelSource:
    """A logged model of the tracking server, ``models:/m-…``."""

    model_id: str

    @property
    def uri(self) -> str:
        """The place, in one spelling."""
        return f"models:/{self.model_id}"


@dataclass(frozen=True, slots=True)
class RunSource:
    """A path among the artifacts of a run, ``runs:/R/model``."""

    run_id: str
    path: str

    @property
    def uri(self) -> str:
        """The place, in one spelling."""
        return f"runs:/{self.run_id}/{self.path}".rstrip("/")


@dataclass(frozen=True, slots=True)
class ProxiedSource:
    """A path in the store of the tracking server, which only that server can read."""

    path: str

    @property
    def uri(self) -> str:
        """The place, in one spelling."""
        return f"mlflow-artifacts:/{self.path}"


TrackedSource: TypeAlias = LoggedModelSource | RunSource | ProxiedSource
"""What only a tracking server can resolve."""

Source: TypeAlias = (
    ObjectSource | WebSource | FileSource | ForeignSource | RegisteredSource | TrackedSource
)


def parse_source(source: str) -> Source:
    """Return a source as a typed value; nothing is looked up.

    Raises:
        InvalidSourceError: It is too long, leaves its folder by any decoding, has a character that
            readers understand differently, a query or a fragment, or names no place.
    """
    if len(source) > LONGEST_SOURCE:
        raise InvalidSourceError(f"A source has at most {LONGEST_SOURCE} characters")
    _require_one_meaning(source)
    found = _SCHEME.match(source)
    if found is None:
        return FileSource(source)
    scheme, parts = found[1].lower(), _split(source)
    if scheme in OBJECT_SCHEMES:
        return _object(source, scheme, parts)
    read = _READERS.get(scheme)
    return read(source, parts) if read else ForeignSource(scheme, source)


def _split(source: str) -> SplitResult:
    try:
        return urlsplit(source)
    except ValueError:
        raise refusals.refused(source, "It is not a URI") from None


def _require_one_meaning(source: str) -> None:
    """Refuse what some reader would take for another place than others do.

    Raises:
        InvalidSourceError: There is such a part, as it is written or after any decoding.
    """
    decoded = source
    while (unquoted := unquote_plus(decoded)) != decoded:
        decoded = unquoted
    if any(decoded.count(mark) > source.count(mark) for mark in "/:@"):
        raise refusals.refused(source, "It hides a separator by an encoding")
    for text in {source, decoded, unicodedata.normalize("NFKC", decoded)}:
        if _CONTROL.search(text) or "\\" in text:
            raise refusals.refused(
                source, "It has a backslash, a control character, or bytes that are not UTF-8"
            )
        if not {"..", "."}.isdisjoint(re.split(r"[/:@]", text)):
            is_local = re.match(r"(?i)file:|(?![A-Za-z][A-Za-z0-9+.-]*:)", source)
            raise refusals.local(source) if is_local else refusals.relative(source)
        if any(mark in text for mark in "?#;"):
            raise refusals.refused(source, "It has a query, a fragment or parameters")
        if "//" in re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://+", "", text):
            raise refusals.refused(source, "Its path has an empty part")


def _path_of(source: str, parts: SplitResult, *, is_literal: bool = False) -> str:
    """Return the path of a URI, decoded, without its slashes at the ends.

    Args:
        source: The source.
        parts: Its parts.
        is_literal: The store does not decode the path, so none may be encoded.
    """
    path = unquote(parts.path)
    if unquote(path) != path or (is_literal and path != parts.path):
        raise refusals.refused(source, "Its path is percent-encoded; write the path itself")
    path = path.strip("/")
    if not path:
        raise refusals.refused(source, "It names no path")
    return path


def _object(source: str, scheme: str, parts: SplitResult) -> ObjectSource:
    rule = _CONTAINER if scheme == "abfss" else _BUCKET
    if not rule.fullmatch(parts.netloc):
        raise refusals.refused(source, "It names no bucket or container")
    return ObjectSource(scheme, parts.netloc, _path_of(source, parts, is_literal=True))


def _proxied(source: str, parts: SplitResult) -> ProxiedSource:
    if parts.netloc:
        raise refusals.other_host("mlflow-artifacts")
    return ProxiedSource(_path_of(source, parts))


def _web(source: str, parts: SplitResult) -> WebSource:
    if fault := url_fault(source):
        raise refusals.refused(source, fault[0].upper() + fault[1:])
    _path_of(source, parts)
    return WebSource(f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}")


def _file(source: str, parts: SplitResult) -> FileSource:
    if parts.netloc:
        raise refusals.remote_file(source)
    if re.match(r"(?i)file:///{2,}", source):
        raise refusals.refused(source, "Its path has an empty part")
    if not parts.path.startswith("/"):
        raise refusals.relative(source)
    return FileSource("/" + _path_of(source, parts))


def _run(source: str, parts: SplitResult) -> RunSource:
    run_id, _, path = unquote(parts.path).removeprefix("/").partition("/")
    if parts.netloc or not _RUN.fullmatch(run_id):
        raise refusals.not_contained(source, "run_id")
    if path:
        _path_of(source, parts)
    return RunSource(run_id, path.rstrip("/"))


def _model(source: str, parts: SplitResult) -> RegisteredSource | LoggedModelSource:
    if parts.netloc:
        raise refusals.other_registry(source)
    name, *rest = unquote(parts.path).removeprefix("/").split("/")
    suffix = rest[0].strip() if rest else ""
    if not name.strip() or len(rest) > 1 or (rest and not suffix):
        raise refusals.not_contained(source, "model_id")
    if rest:
        return _by_suffix(name, suffix)
    name, at, alias = name.rpartition("@")
    if at and name and alias.strip():
        return RegisteredSource(name, alias=alias)
    if at or not _LOGGED_MODEL.fullmatch(alias):
        raise refusals.not_contained(source, "model_id")
    return LoggedModelSource(alias)


def _by_suffix(name: str, suffix: str) -> RegisteredSource:
    if suffix.isascii() and suffix.isdigit():
        return RegisteredSource(name, version=int(suffix))
    if suffix.casefold() == "latest":
        return RegisteredSource(name)
    return RegisteredSource(name, stage=suffix)


_READERS: Mapping[str, Callable[[str, SplitResult], Source]] = {
    "models": _model,
    "runs": _run,
    "mlflow-artifacts": _proxied,
    "file": _file,
    "http": _web,
    "https": _web,
}
