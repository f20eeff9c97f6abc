"""The door of the web page: its routes, and its pages of errors."""

from collections.abc import Mapping

from fastapi import FastAPI

from pedigree._setting_lists import Door
from pedigree.access.oidc.providers import Provider
from pedigree.registry import Registry
from pedigree.server.http.unknown_tokens import UnknownTokens
from pedigree.server.web import (
    acting,
    activity,
    approving,
    audit,
    comparing,
    drift,
    evidence,
    impact,
    live,
    model,
    model_actions,
    model_data,
    models,
    signing_in,
    signing_out,
    static_files,
    versions,
)
from pedigree.server.web.admin.subjects import ADMIN_SUBJECTS
from pedigree.server.web.dagster_address import DagsterAddress
from pedigree.server.web.issuers import Issuers
from pedigree.server.web.live_feed import LiveFeed
from pedigree.server.web.problems import add_pages_of_errors
from pedigree.server.web.routes import Pages
from pedigree.server.web.visitors import Visitors
from pedigree.server.web.warm_up import warm_up
from pedigree.server.web.web_sessions import WebSessions
from pedigree.settings import Settings

SUBJECTS: tuple[Pages, ...] = (
    models.pages,
    activity.pages,
    model.pages,
    model_actions.pages,
    model_data.pages,
    versions.pages,
    evidence.pages,
    comparing.pages,
    acting.pages,
    approving.pages,
    impact.pages,
    drift.pages,
    audit.pages,
    live.pages,
    *ADMIN_SUBJECTS,
)


def open_web(app: FastAPI) -> None:
    """Let an application serve the web page."""
    for subject in SUBJECTS:
        app.router.routes.extend(subject.routes)
    app.router.routes.extend((*signing_in.ROUTES, *signing_out.ROUTES))
    app.router.routes.extend(static_files.ROUTES)
    add_pages_of_errors(app)


def start_web(
    app: FastAPI, registry: Registry, settings: Settings, providers: Mapping[str, Provider]
) -> None:
    """Give the pages of a process what they share; call it after the API has its own.

    Args:
        app: The application.
        registry: The registry of the process.
        settings: The settings of the process.
        providers: The providers with which people sign in, by their names.
    """
    state = app.state
    state.web_sessions = WebSessions(
        registry,
        state.point_reads,
        state.people,
        state.authenticator,
        threads=state.readers,
        metrics=state.metrics,
    )
    state.visitors = Visitors(state.authenticator, state.web_sessions)
    state.live = live.Live(LiveFeed(registry, state.event_stream), state.fair_use)
    state.issuers = Issuers(providers)
    state.unknown_sign_ins = UnknownTokens(state.metrics)
    state.dagster_address = DagsterAddress(settings)
    if Door.WEB in settings.doors:
        state.readers.submit(warm_up)
