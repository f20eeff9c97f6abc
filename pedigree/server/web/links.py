"""Paths of the pages and links to them: the one place that knows both."""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from starlette.types import Scope

from pedigree.contract.paths import PREFIX
from pedigree.contract.paths import VERSION as API_VERSION
from pedigree.errors import VersionNotFoundError
from pedigree.lineage.records import HIDDEN
from pedigree.server.http.proxies import public_path

HOME = "/"
MODEL = "/models/{name}"
VERSION = "/models/{name}/versions/{version}"
_OF_VERSION = VERSION.removeprefix(MODEL).removesuffix("{version}")
POLICY = f"{MODEL}/policy"
MODEL_ACTIVITY = f"{MODEL}/activity"
MODEL_DATA = f"{MODEL}/data"
ALIAS_MODEL = f"{MODEL}/alias"
DESCRIBE_MODEL = f"{MODEL}/describe"
RESTORE_MODEL = f"{MODEL}/restore"
EVIDENCE = f"{VERSION}/evidence"
VERSION_HISTORY = f"{VERSION}/history"
VERSION_CHECK = f"{VERSION}/checks/{{check}}"
VERSION_FILES = f"{VERSION}/files"
ROLLBACK = f"{MODEL}/rollback"
RESTORE = f"{VERSION}/restore"
ACTIVITY = "/activity"
COMPARE = "/compare"
APPROVALS = "/approvals"
REVIEW = f"{APPROVALS}/{{request_id}}"
IMPACT = "/impact"
QUARANTINE_DATA = f"{IMPACT}/quarantine"
RELEASE_DATA = f"{IMPACT}/release"
DRIFT = "/drift"
AUDIT = "/audit"
VERIFY_LOG = f"{AUDIT}/verify"
DOWNLOAD_LOG = f"{AUDIT}/download"
ADMIN = "/admin"
WEBHOOKS = f"{ADMIN}/webhooks"
SIGN_IN = "/sign-in"
SIGN_IN_CALLBACK = f"{SIGN_IN}/callback"
SIGN_IN_ISSUER = f"{SIGN_IN}/issuer"
SIGN_OUT = "/sign-out"
LIVE = "/live"
STATIC = "/static/{file}"

# Dagster's own run IDs; versions that were registered elsewhere name what ran by other texts.
_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

NEXT = "next"
"""The parameter of the page of sign-in that says where it then leads."""

Query = Mapping[str, object]


def number_in(part: str) -> int:
    """Return the number of a version that a path has.

    Raises:
        VersionNotFoundError: No version can have it.
    """
    if not (part.isascii() and part.isdigit() and 1 <= int(part[:11]) < 2**31):
        raise VersionNotFoundError(
            "no version has this number",
            field="version",
            value=part,
            remedy="Versions are numbered from 1; the page of the model lists them",
        )
    return int(part)


class Links:
    """Links of one request, below the prefix of its proxy.

    Args:
        scope: The request.
        dagster: The address of the Dagster UI; None if it is not known.

    >>> Links({"type": "http"}, None).version("churn eu", 3)
    '/models/churn%20eu/versions/3'
    """

    def __init__(self, scope: Scope, dagster: str | None) -> None:
        self._scope = scope
        self._models: dict[str, str] = {}
        self._dagster = dagster.rstrip("/") if dagster else None

    def to(self, template: str, query: Query | None = None, **parts: object) -> str:
        """Return the link to a page; values of the query that are None are left out."""
        quoted = {name: quote(str(part), safe="") for name, part in parts.items()}
        return self._public(template.format_map(quoted)) + _query(query)

    def static(self, name: str) -> str:
        """Return the link to a file of :mod:`static_files`, by its name with hash."""
        return self.to(STATIC, file=name)

    @property
    def live(self) -> str:
        """The link to the stream of what moves."""
        return self.to(LIVE)

    def home(self, query: Query | None = None) -> str:
        """Return the link to the list of models."""
        return self.to(HOME, query)

    def sign_in(self, way_back: str | None = None) -> str:
        """Return the link to the page of sign-in.

        Args:
            way_back: The path, with its query and without the prefix, where it then leads.
        """
        return self.to(SIGN_IN, {NEXT: way_back if way_back != HOME else None})

    def sign_in_at_issuer(self) -> str:
        """Return the link that takes the form that leads to an issuer."""
        return self.to(SIGN_IN_ISSUER)

    def sign_out(self) -> str:
        """Return the link that takes the form that ends a session."""
        return self.to(SIGN_OUT)

    def within(self, path: str) -> str:
        """Return the link to a path of the service that has its query, such as a way back."""
        return self._public(path)

    def model(self, name: str, query: Query | None = None) -> str:
        """Return the link to a model."""
        return self._model(name) + _query(query)

    def version(self, name: str, number: int, query: Query | None = None) -> str:
        """Return the link to a version."""
        return f"{self._model(name)}{_OF_VERSION}{number}{_query(query)}"

    def policy(self, name: str, query: Query | None = None) -> str:
        """Return the link to a model's policy and its revisions."""
        return self.to(POLICY, query, name=name)

    def model_activity(self, name: str, query: Query | None = None) -> str:
        """Return the link to what happened to a model."""
        return self.to(MODEL_ACTIVITY, query, name=name)

    def model_data(self, name: str, query: Query | None = None) -> str:
        """Return the link to the data of a model's versions, with its datasheets."""
        return self.to(MODEL_DATA, query, name=name)

    def alias_model(self, name: str, alias: str | None = None) -> str:
        """Return the link to the form that points an alias to a version."""
        return self.to(ALIAS_MODEL, {"alias": alias}, name=name)

    def describe_model(self, name: str) -> str:
        """Return the link to the form that describes a model."""
        return self.to(DESCRIBE_MODEL, name=name)

    def restore_model(self, name: str) -> str:
        """Return the link to the form that restores a deleted model."""
        return self.to(RESTORE_MODEL, name=name)

    def rollback(self, name: str, stage: str | None = None) -> str:
        """Return the link to the form that rolls a stage back."""
        return self.to(ROLLBACK, {"stage": stage}, name=name)

    def latest(self, name: str) -> str:
        """Return the link that leads to the newest version of a model."""
        return self.to(VERSION, name=name, version="latest")

    def evidence(self, name: str, number: int) -> str:
        """Return the link to all evidence of a version, to be printed."""
        return self.to(EVIDENCE, name=name, version=number)

    def version_history(self, name: str, number: int, query: Query | None = None) -> str:
        """Return the link to the events of a version."""
        return self.to(VERSION_HISTORY, query, name=name, version=number)

    def version_check(self, name: str, number: int, check: str, query: Query | None = None) -> str:
        """Return the link to all verdicts of a check on a version."""
        return self.to(VERSION_CHECK, query, name=name, version=number, check=check)

    def version_files(self, name: str, number: int, query: Query | None = None) -> str:
        """Return the link to the files of a version."""
        return self.to(VERSION_FILES, query, name=name, version=number)

    def act(self, name: str, number: int, action: str, query: Query | None = None) -> str:
        """Return the link to the form of an action on a version."""
        return f"{self.version(name, number)}/{action}{_query(query)}"

    def compare(self, *references: str) -> str:
        """Return the link to the comparison of versions; without any, to the choice of them."""
        return self.to(COMPARE, {"v": references} if references else None)

    def activity(self, query: Query | None = None) -> str:
        """Return the link to what happened to all models."""
        return self.to(ACTIVITY, query)

    def approvals(self, query: Query | None = None) -> str:
        """Return the link to the lists of requests and decisions."""
        return self.to(APPROVALS, query)

    def review(self, request_id: int) -> str:
        """Return the link to the page on which a request for a stage is decided."""
        return self.to(REVIEW, request_id=request_id)

    def impact(
        self, asset: str | None = None, partition: str | None = None, after: str | None = None
    ) -> str:
        """Return the link to what depends on an asset, or on one of its partitions."""
        return self.to(IMPACT, {"asset": asset, "partition": partition, "after": after})

    def quarantine_data(self) -> str:
        """Return the link that takes the form for a quarantine of data."""
        return self.to(QUARANTINE_DATA)

    def release_data(self) -> str:
        """Return the link that takes the form that ends a quarantine of data."""
        return self.to(RELEASE_DATA)

    def drift(self, reference: str | None = None, query: Query | None = None) -> str:
        """Return the link to the models that have drifted, or to the results of a version."""
        return self.to(DRIFT, {"version": reference, **(query or {})})

    def audit(self, query: Query | None = None) -> str:
        """Return the link to the audit log."""
        return self.to(AUDIT, query)

    def verify_log(self) -> str:
        """Return the link that checks the whole log."""
        return self.to(VERIFY_LOG)

    def download_log(self) -> str:
        """Return the link that takes the form for a download of events, or of a proof."""
        return self.to(DOWNLOAD_LOG)

    def webhooks(self) -> str:
        """Return the link to the webhooks and whether their messages arrive."""
        return self.to(WEBHOOKS)

    def event(self, seq: int) -> str:
        """Return the link to an event of the audit log, with its proof."""
        return self.to(AUDIT, {"event": seq})

    def api(self, template: str, query: Query | None = None, **parts: object) -> str:
        """Return the link to the JSON of what a page shows; it takes a token."""
        return self.to(f"{PREFIX}{template}", query, **parts)

    def version_json(self, name: str, number: int) -> str:
        """Return the link to the JSON of a version."""
        return self.api(API_VERSION, name=name, version=number)

    @property
    def dagster(self) -> str | None:
        """The Dagster UI; None if its address is not known."""
        return self._dagster

    def run(self, run_id: str) -> str | None:
        """Return the link to a run in the Dagster UI; None also if it is no run of Dagster."""
        return self._in_dagster(f"/runs/{run_id}") if _RUN.fullmatch(run_id) else None

    def asset(self, asset: str, query: Query | None = None) -> str | None:
        """Return the link to an asset in the Dagster UI; None also for one that has no name here.

        Args:
            asset: Its key, with slashes.
            query: What to show of it.
        """
        if asset == HIDDEN:
            return None
        return self._in_dagster(f"/assets/{quote(asset)}{_query(query)}")

    def partition(self, asset: str, partition: str) -> str | None:
        """Return the link to a partition of an asset in the Dagster UI."""
        return self.asset(asset, {"view": "partitions", "partition": partition})

    def check(self, asset: str, check: str) -> str | None:
        """Return the link to a check of an asset in the Dagster UI."""
        return self.asset(asset, {"view": "checks", "checkDetail": check})

    def _model(self, name: str) -> str:
        """Return the link to a model, which a page may have a hundred times."""
        known = self._models.get(name)
        if known is None:
            known = self._models[name] = self.to(MODEL, name=name)
        return known

    def _in_dagster(self, path: str) -> str | None:
        return None if self._dagster is None else f"{self._dagster}{path}"

    def _public(self, path: str) -> str:
        return public_path(self._scope, path)


def _query(query: Query | None) -> str:
    if not query:
        return ""
    given = {name: value for name, value in query.items() if value is not None}
    return f"?{urlencode(given, doseq=True)}" if given else ""
