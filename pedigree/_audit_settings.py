"""The settings of the audit log: who signs it, and who attests it."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, FilePath
from pydantic_settings import BaseSettings

from pedigree._durations import Duration
from pedigree._setting_lists import Networks, Words


class AuditSettings(BaseSettings):
    """The settings of the audit log."""

    audit_key: str | None = Field(
        default=None,
        description="Key that signs the audit log: the path of a PEM file, `database`, `vault:…`,"
        " `awskms:…`, `gcpkms:…`, or another key service by a plug-in; if unset, the log is not"
        " signed",
    )
    audit_anchor_interval: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(minutes=5),
        description="Least time between two checkpoints of the audit log in the object store",
    )
    audit_witnesses: FilePath | None = Field(
        default=None,
        description="File (c2sp.org/tlog-policy) of the audit log's witnesses, with their URLs",
    )
    audit_cosign_interval: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(minutes=5),
        description="Least time between two cosignatures of a witness",
    )
    audit_timestamp_urls: Words = Field(
        default=(),
        description="Authorities of time stamps (RFC 3161) of the audit log, by spaces",
    )
    audit_timestamp_ca_file: FilePath | None = Field(
        default=None, description="Roots (PEM) of the authorities of time stamps"
    )
    audit_timestamp_interval: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(hours=1),
        description="Least time between two time stamps of an authority",
    )
    audit_networks: Networks = Field(
        default=(),
        description="Private networks in which witnesses and authorities of time stamps may be",
    )
    audit_ca_file: FilePath | None = Field(
        default=None,
        description="CA certificates (PEM) to trust for their TLS, in addition to the system's",
    )
    audit_public: bool = Field(
        default=False,
        description="The service serves the audit log (/log) to anybody, without a token",
    )
    serve_seals: bool = Field(
        default=True, description="`pedigree serve` and the sensors seal the audit log"
    )
