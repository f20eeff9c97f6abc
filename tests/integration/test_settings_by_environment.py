"""The committed `dagster.yaml` and definitions, configured only by the environment."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import boto3
import psycopg
import pytest

from pedigree.artifacts.path_rules import PULL_RECORD
from tests.artifacts.servers.sharing import BUCKET
from tests.integration.conftest import ROOT, clean_environment

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("up")]


def run(environment: Mapping[str, str], *words: object) -> str:
    """Run a program of this environment in the project's folder, and return its output."""
    program, *arguments = map(str, words)
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=ROOT,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def keys(s3: Mapping[str, str], prefix: str) -> list[str]:
    client = boto3.client(
        "s3",
        endpoint_url=s3["AWS_ENDPOINT_URL"],
        region_name=s3["AWS_REGION"],
        aws_access_key_id=s3["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=s3["AWS_SECRET_ACCESS_KEY"],
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return [each["Key"] for page in pages for each in page.get("Contents", [])]


def test_a_materialization_uses_the_database_and_the_bucket_in_the_environment(
    database_url: str, s3: Mapping[str, str], tmp_path: Path
) -> None:
    prefix = uuid4().hex
    environment = clean_environment(
        **s3,
        PEDIGREE_HOME=str(tmp_path / "home"),
        PEDIGREE_DATABASE_URL=database_url,
        PEDIGREE_STORE_URL=f"s3://{BUCKET}/{prefix}/artifacts",
        PEDIGREE_DATA_URL=f"s3://{BUCKET}/{prefix}/data",
        PEDIGREE_COMPUTE_LOGS_URL=f"s3://{BUCKET}/{prefix}/logs",
    )
    run(environment, "dg", "launch", "--assets", "+key:models/customer_churn")

    record = json.loads(run(environment, "pedigree", "show", "customer_churn/1", "--json"))
    run_id = record["version"]["run_id"]
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT status FROM dagster.runs WHERE run_id = %s", [run_id])
        assert row.fetchone() == ("SUCCESS",)
        stored = dict(connection.execute("SELECT digest, key FROM pedigree.blob").fetchall())
    artifacts = keys(s3, f"{prefix}/artifacts/")
    for file in record["manifest"]["files"]:
        assert any(key.endswith(stored[file["digest"]]) for key in artifacts)
    assert keys(s3, f"{prefix}/data/")
    assert any(run_id in key for key in keys(s3, f"{prefix}/logs/"))

    pulled = tmp_path / "pulled"
    run(environment, "pedigree", "pull", "customer_churn/1", pulled)
    names = {path.relative_to(pulled).as_posix() for path in pulled.rglob("*") if path.is_file()}
    assert names == {PULL_RECORD, *(file["path"] for file in record["manifest"]["files"])}
    # Nothing is stored locally: no Postgres, no artifacts, no data; only pulled files are cached.
    kept = {path.name for path in (tmp_path / "home").iterdir()}
    assert kept <= {"dagster", "cache"}
    cached = {path.name for path in (tmp_path / "home" / "cache" / "blobs").iterdir()}
    files = record["manifest"]["files"]
    assert cached == {file["digest"].removeprefix("sha256:") for file in files}


# Dagster's own validation runs in tests/test_definitions.py.
def test_the_definitions_are_valid_in_the_project_folder(tmp_path: Path) -> None:
    environment = clean_environment(PEDIGREE_HOME=str(tmp_path / "home"))
    assert run(environment, "dg", "check", "defs") is not None
