"""The door of the web page: its routes, and its pages of errors."""

from fastapi import FastAPI

from pedigree.server.web import comparing, evidence, model, static_files, versions
from pedigree.server.web.problems import add_pages_of_errors
from pedigree.server.web.routes import Pages

SUBJECTS: tuple[Pages, ...] = (model.pages, versions.pages, evidence.pages, comparing.pages)


def open_web(app: FastAPI) -> None:
    """Let an application serve the web page."""
    for subject in SUBJECTS:
        app.router.routes.extend(subject.routes)
    app.router.routes.extend(static_files.ROUTES)
    add_pages_of_errors(app)
