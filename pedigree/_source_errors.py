"""Errors of the sources of an MLflow client's versions."""

from pedigree._error import MODULE, InvalidInputError
from pedigree._unavailable import UnavailableError


class InvalidSourceError(InvalidInputError):
    """The source of a version is not one that the registry accepts; nothing was fetched."""

    __module__ = MODULE


class SourceUnavailableError(UnavailableError):
    """The source of a version does not answer; it is fetched again later."""

    __module__ = MODULE
