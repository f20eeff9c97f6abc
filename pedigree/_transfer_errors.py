"""Errors of what moves whole registries."""

from pedigree._error import MODULE, PedigreeError
from pedigree._unavailable import UnavailableError


class OriginUnavailableError(UnavailableError):
    """The registry that is read or written does not answer; what was carried before stays."""

    __module__ = MODULE


class OriginRefusedError(PedigreeError):
    """The registry that is read or written refuses a request, or answers in another form."""

    __module__ = MODULE
