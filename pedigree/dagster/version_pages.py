"""Links from Dagster's events to the pages of versions in the registry."""

from typing import Any
from urllib.parse import quote

import dagster as dg

from pedigree.dagster import metadata_keys
from pedigree.settings import Settings


def page_of(reference: str, settings: Settings) -> str | None:
    """Return the URL of a version's page; None if the settings have no base URL.

    Args:
        reference: The version, by its number.
        settings: The settings of the process.

    >>> page_of("churn eu/3", Settings(url="https://registry.example.com"))
    'https://registry.example.com/models/churn%20eu/versions/3'
    """
    if settings.url is None:
        return None
    name, _, number = reference.rpartition("/")
    return f"{str(settings.url).rstrip('/')}/models/{quote(name, safe='')}/versions/{number}"


def page_metadata(reference: str, settings: Settings) -> dict[str, Any]:
    """Return the metadata that links an event to the page of a version; empty without a URL."""
    page = page_of(reference, settings)
    return {} if page is None else {metadata_keys.PAGE: dg.MetadataValue.url(page)}
