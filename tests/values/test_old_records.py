"""Records from before the bounds are read by everybody, and hide nothing else."""

import hashlib
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic_core import from_json

from pedigree._stored_json import READABLE_DEPTH, TOO_DEEP, from_stored_json, is_shallow
from pedigree.audit.records import Event
from pedigree.audit.verifier.hashes import leaf_hash
from pedigree.delivery.payloads import message
from pedigree.delivery.sinks import cloud_event
from pedigree.lifecycle.records import Verdict
from pedigree.postgres.migrate import all_migrations
from pedigree.registry import Registry
from tests.factories import register
from tests.maintenance.collecting import require_sound

LEVELS = [READABLE_DEPTH + 1, 190, 300, 3_000]
_INSERT_EVENT = """
WITH written AS (
    INSERT INTO pedigree.event (event_id, type, model, version, canonical, leaf)
    VALUES (%(event_id)s, %(type)s, %(model)s, %(version)s, %(canonical)s, %(leaf)s) RETURNING id
)
INSERT INTO pedigree.unsequenced (id) SELECT id FROM written
"""
_COPY_VERDICT = """
INSERT INTO pedigree.verdict (
    model_id, version, check_name, passed, severity, digest, relative, baseline_digest, summary,
    settings, details, run_id, at, recorded_by
)
SELECT model_id, version, check_name, passed, severity, digest, relative, baseline_digest, summary,
    settings, %(deep)s::jsonb, run_id, at, recorded_by
FROM pedigree.verdict
"""


def nested(levels: int) -> str:
    """The text of JSON of some levels; Python's own encoder stops at a thousand."""
    return '{"a":' + "[" * (levels - 1) + "1" + "]" * (levels - 1) + "}"


def make_deep(registry: Registry, reference: str, levels: int) -> None:
    """Give a version the params, and a verdict with its event the details, of an old release."""
    version = registry.get(reference)
    verdict = Verdict(check="own", passed=True, digest=version.digest, summary="good")
    registry.record_verdict(reference, verdict)
    registry.events()  # gives the event its place
    values = {"deep": nested(levels)}

    def write(transaction: Any) -> None:
        transaction.execute(
            "UPDATE pedigree.training SET params = %(deep)s::jsonb, config = %(deep)s::jsonb",
            values,
        )
        transaction.execute(_COPY_VERDICT, values)
        (row,) = transaction.execute(
            "SELECT canonical FROM pedigree.event WHERE type = 'version.check_recorded'"
        ).fetchall()
        event = json.loads(row["canonical"])
        event["body"]["details"], event["event_id"] = "DEEP", str(uuid4())
        text = json.dumps(event, sort_keys=True, separators=(",", ":"))
        canonical = text.replace('"DEEP"', nested(levels)).encode()
        transaction.execute(
            _INSERT_EVENT,
            {**event, "canonical": canonical, "leaf": leaf_hash(canonical)},
        )

    registry.database.transaction(write)


@pytest.mark.parametrize("levels", LEVELS)
def test_a_version_that_is_nested_too_deep_hides_nothing(
    levels: int, registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    make_deep(registry, "churn/1", levels)
    register(registry, tmp_path, "b", params={"b": 2})
    assert TOO_DEEP in str(registry.get("churn/1").params)
    assert [each.version_id for each in registry.versions("churn")] == [1, 2]
    assert [each.version_id for each in registry.search("name = 'churn'")] == [2, 1]
    page = registry.operations.search.find_page(
        None, order_by=None, limit=10, after=None, count=True, facets=("tag",)
    )
    records = from_json(page.json())["records"]
    assert [TOO_DEEP in str(each["params"]) for each in records] == [False, True]
    assert TOO_DEEP in str(registry.trainings("churn/1")[0].origin.config)
    assert TOO_DEEP in str(registry.verdicts("churn/1")[0].details)
    assert registry.compare("churn/1", "churn/2").a == "churn/1"
    assert "churn/1" in registry.card("churn/1").markdown
    registry.delete("churn/1", reason="old")
    assert registry.restore("churn/1").version_id == 1


@pytest.mark.parametrize("levels", LEVELS)
def test_the_feed_serves_an_event_that_is_too_deep_by_its_hash_and_size(
    levels: int, registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    make_deep(registry, "churn/1", levels)
    registry.set_alias("churn", "best", 1)
    *_, old, new = registry.events()
    (row,) = registry.database.fetch_all(
        "SELECT canonical FROM pedigree.event WHERE event_id = %s", [old.event_id]
    )
    canonical = bytes(row["canonical"])
    digest = hashlib.sha256(canonical).hexdigest()
    assert old.body == {"left_out": {"sha256": digest, "bytes": len(canonical)}}
    assert (old.type, old.model, old.version, old.actor.name) == (
        *("version.check_recorded", "churn", 1, "tester"),
    )
    assert new.type == "alias.set"
    # Receivers of the feed, in each form.
    assert digest in message(old, bytes).decode()
    assert digest in json.dumps(cloud_event(old))
    assert Event.model_validate_json(old.model_dump_json()) == old
    # Its hash is that of its bytes, and its replay results in the row of its verdict.
    require_sound(registry)


def test_a_migration_prunes_params_and_flags_events(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "a")
    register(registry, tmp_path, "b", params={"b": {"c": [1, {}]}})
    make_deep(registry, "churn/1", 3_000)
    execute = registry.database.transaction
    execute(lambda on: on.execute("DROP TABLE pedigree.unserved_event"))
    (bounds,) = (one for one in all_migrations() if one.name.endswith("_bounds"))
    execute(lambda on: on.execute(bounds.text))
    (row,) = registry.database.fetch_all(
        "SELECT params::text AS params FROM pedigree.training WHERE version = 1"
    )
    assert row["params"].count("[") == 63
    assert "nested deeper than 64 levels" in row["params"]
    flagged = registry.database.fetch_all("SELECT id FROM pedigree.unserved_event")
    assert len(flagged) == 1
    assert "nested deeper than 64" in str(registry.search("version = 1").records[0].params)


@pytest.mark.parametrize("levels", [0, 1, 63, READABLE_DEPTH, READABLE_DEPTH + 1, 250, 5_000])
def test_stored_json_is_read_up_to_a_depth(levels: int) -> None:
    text = "[" * levels + '"]["' + "]" * levels
    read = from_stored_json(text)
    found = 0
    while isinstance(read, list):
        found, read = found + 1, read[0]
    assert found == min(levels, READABLE_DEPTH)
    assert read == (TOO_DEEP if levels > READABLE_DEPTH else "][")
    assert is_shallow(text) == (levels <= READABLE_DEPTH)
