"""An existing Postgres and object store; all addresses and secrets come from the environment.

================================  =========================================================
``PEDIGREE_DATABASE_URL``         Postgres, with its password
``PEDIGREE_STORE_URL``            ``s3://bucket/prefix`` for the artifacts
``PEDIGREE_DATA_URL``             ``s3://bucket/prefix`` for the assets' data
``AWS_*``                         credentials, region and endpoint, as boto3 reads them
================================  =========================================================

Each variable that is unset falls back to the home folder.
"""

import os

import dagster as dg

from pedigree.dagster import RegistryResource
from resources.data import DataIOManager
from resources.wiring import Wiring


def production() -> Wiring:
    """Return the wiring of a shared deployment; it connects only in a run or a tick."""
    return Wiring(
        registry=RegistryResource(
            database_url=_variable("PEDIGREE_DATABASE_URL"),
            store_url=_variable("PEDIGREE_STORE_URL"),
            s3=_s3(),
        ),
        data=DataIOManager(url=_variable("PEDIGREE_DATA_URL")),
    )


def _variable(name: str) -> dg.EnvVar | None:
    """Return a reference to a variable, which Dagster resolves in a run and shows by name."""
    return dg.EnvVar(name) if os.environ.get(name) else None


def _s3() -> object | None:
    if not os.environ.get("PEDIGREE_STORE_URL", "").startswith("s3://"):
        return None
    # Importing it takes seconds, and only a deployment with S3 needs it.
    from dagster_aws.s3 import S3Resource  # noqa: PLC0415

    return S3Resource(
        endpoint_url=_variable("AWS_ENDPOINT_URL"),
        region_name=_variable("AWS_REGION"),
        aws_access_key_id=_variable("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=_variable("AWS_SECRET_ACCESS_KEY"),
        aws_session_token=_variable("AWS_SESSION_TOKEN"),
    )
