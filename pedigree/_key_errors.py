"""Errors of the keys that the registry signs and encrypts with."""

from pedigree._error import MODULE, PedigreeError


class LogKeyError(PedigreeError):
    """The key that signs the audit log is missing, readable by others, or of another kind."""

    __module__ = MODULE


class SecretKeyError(PedigreeError):
    """The key that encrypts secrets at rest is missing, invalid, or not the one that was used."""

    __module__ = MODULE
