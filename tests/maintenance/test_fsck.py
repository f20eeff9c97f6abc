"""`fsck` finds every kind of damage, and nothing in a sound registry."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from pedigree.access.records import Permission, Role
from pedigree.audit.export import verify_folder
from pedigree.datasets.records import Datasheet, DataVerdict
from pedigree.evaluation.records import Evaluation, GroupResult, Task
from pedigree.lifecycle.records import RetentionRule
from pedigree.maintenance.fsck import fsck
from pedigree.postgres.database import Database
from pedigree.registry import Registry
from pedigree.registry.log_sealing import LogSealing
from tests.artifacts.publishing import blob_keys
from tests.audit.event_bodies import require_documented
from tests.factories import register, register_candidate, with_secret_key
from tests.identities import see
from tests.maintenance.collecting import collect

FEED_OFF = "ALTER TABLE pedigree.feed DISABLE TRIGGER USER; "
FEED_ON = (
    "; ALTER TABLE pedigree.feed ENABLE ALWAYS TRIGGER feed_append_only;"
    " ALTER TABLE pedigree.feed ENABLE ALWAYS TRIGGER feed_no_truncate"
)
EVENTS_OFF = FEED_OFF.replace("feed", "event")
EVENTS_ON = FEED_ON.replace("feed", "event")
# Foreign keys are not checked in a session of this role, as in one that restores a dump.
UNGUARDED = "SET session_replication_role = replica; "

# A change of the database → the invariants that fsck must report as violated.
EDITS: dict[str, tuple[str, set[str]]] = {
    "a version's row is gone": (
        UNGUARDED + "DELETE FROM pedigree.model_version WHERE version = 2",
        {
            "versions_gapless",
            "events_replay",
            "pointers_resolve",
            "search_index_matches",
            "statistics_match",
            "garbage_known",
        },
    ),
    "the next number was set back": (
        "UPDATE pedigree.registered_model SET next_version = 2",
        {"versions_gapless"},
    ),
    "a model's row has another name": (
        "UPDATE pedigree.registered_model SET name = 'other'",
        {"models_match_events", "events_replay", "search_index_matches"},
    ),
    "a former name was slipped in": (
        "INSERT INTO pedigree.former_name (name, name_key, model_id, first_version, next_version,"
        " held_until) SELECT 'old', 'old', model_id, 1, 1, clock_timestamp()"
        " FROM pedigree.registered_model LIMIT 1",
        {"names_match_events"},
    ),
    "a version changed at another time": (
        "UPDATE pedigree.model_version SET last_updated_at = clock_timestamp() WHERE version = 1",
        {"events_replay"},
    ),
    "a model changed at another time": (
        "UPDATE pedigree.registered_model SET last_updated_at = created_at - interval '1 s'",
        {"events_replay"},
    ),
    "a manifest was edited": (
        "UPDATE pedigree.artifact SET manifest = manifest || ' '",
        {"artifacts_complete"},
    ),
    "a file is gone from an artifact's list": (
        "DELETE FROM pedigree.artifact_file WHERE artifact_digest ="
        " (SELECT digest FROM pedigree.model_version WHERE version = 1)",
        {"artifacts_complete"},
    ),
    "an artifact lists a file too many": (
        "INSERT INTO pedigree.artifact_file"
        " SELECT artifact_digest, 'extra', blob_digest FROM pedigree.artifact_file LIMIT 1",
        {"artifacts_complete"},
    ),
    "a blob's row is gone": (
        UNGUARDED + "DELETE FROM pedigree.blob WHERE digest IN"
        " (SELECT blob_digest FROM pedigree.artifact_file)",
        {"artifacts_complete", "statistics_match"},
    ),
    "a blob that nothing refers to was slipped in": (
        UNGUARDED + "INSERT INTO pedigree.blob (digest, size, key)"
        " VALUES ('sha256:' || repeat('0', 64), 1, 'slipped/in')",
        {"garbage_known", "objects_intact", "statistics_match"},
    ),
    "a kept count was edited": (
        "UPDATE pedigree.statistic SET stored_bytes = stored_bytes + 1",
        {"statistics_match"},
    ),
    "the kept counts are gone": ("DELETE FROM pedigree.statistic", {"statistics_match"}),
    "a blob's size was edited": (
        "UPDATE pedigree.blob SET size = size + 1 WHERE digest IN"
        " (SELECT blob_digest FROM pedigree.artifact_file)",
        {"artifacts_complete", "objects_intact"},
    ),
    "a card's text was edited": (
        "UPDATE pedigree.model_card SET markdown = markdown || 'x'",
        {"cards_complete"},
    ),
    "a card's notes were edited": (
        """UPDATE pedigree.model_card SET notes = '{"contact": "eve"}'""",
        {"search_index_matches"},
    ),
    "a card shows what has not happened yet": (
        "UPDATE pedigree.model_card SET event_id = 1000000",
        {"cards_complete"},
    ),
    "two versions hold production": (
        "UPDATE pedigree.tenure SET name = 'production' WHERE name = 'staging'"
        " AND held_until IS NULL",
        {"one_holder", "events_replay"},
    ),
    "an alias names a deleted version": (
        "UPDATE pedigree.model_version SET deleted_at = now() WHERE version = 2",
        {"pointers_resolve", "events_replay"},
    ),
    "a policy of new models was edited": (
        "UPDATE pedigree.policy_default SET set_by = 'eve'",
        {"policy_defaults_match_events"},
    ),
    "a policy of new models is gone": (
        "DELETE FROM pedigree.policy_default",
        {"policy_defaults_match_events"},
    ),
    "tenures overlap": (
        "UPDATE pedigree.tenure SET held_since = held_since - interval '1 day'"
        " WHERE name = 'production' AND held_until IS NULL",
        {"tenures_disjoint", "events_replay"},
    ),
    "a token was given another role": (
        "UPDATE pedigree.access_token SET roles = '{admin}'"
        " WHERE pedigree.shown_name(principal) = 'ci'",
        {"tokens_match_events"},
    ),
    "a token was given another secret": (
        "UPDATE pedigree.access_token SET secret_hash = sha256('guessed')"
        " WHERE pedigree.shown_name(principal) = 'ci'",
        {"tokens_match_events"},
    ),
    "a revoked token is valid again": (
        "UPDATE pedigree.access_token SET revoked_at = NULL, revoked_by = NULL",
        {"tokens_match_events"},
    ),
    "a token was slipped in": (
        "INSERT INTO pedigree.access_token (principal, secret_hash, roles, created_at, created_by)"
        " SELECT 'mallory', sha256('x'), '{admin}', now(), 'tester'",
        {"tokens_match_events"},
    ),
    "a token is gone": (
        "DELETE FROM pedigree.access_token WHERE pedigree.shown_name(principal) = 'ci'",
        {"tokens_match_events"},
    ),
    "somebody was granted a role": (
        "INSERT INTO pedigree.access_grant (grant_id, principal, role, models, stages, effect,"
        " granted_at, granted_by) VALUES (99, 'eve', 'admin', '{}', '{}', 'allow', now(), 'ann')",
        {"access_matches_events"},
    ),
    "an ended grant holds again": (
        "UPDATE pedigree.access_grant SET ended_at = NULL, ended_by = NULL, end_reason = NULL",
        {"access_matches_events"},
    ),
    "somebody was put in a group": (
        "UPDATE pedigree.access_group_member SET member = 'eve'",
        {"access_matches_events"},
    ),
    "a custom role permits more": (
        "UPDATE pedigree.access_role SET permissions = '{delete}' WHERE name = 'curator'",
        {"access_matches_events"},
    ),
    "a built-in role permits more": (
        "UPDATE pedigree.access_role SET permissions = permissions || '{delete}'::text[]"
        " WHERE name = 'reader'",
        {"access_matches_events"},
    ),
    "a removed user is back": (
        "UPDATE pedigree.provisioned_user SET deleted_at = NULL",
        {"provisioning_matches_events"},
    ),
    "a user was slipped in": (
        "INSERT INTO pedigree.provisioned_user SELECT gen_random_uuid(), principal_id, NULL,"
        " now(), now() FROM pedigree.principal WHERE pedigree.shown_name(name) = 'dan'",
        {"provisioning_matches_events"},
    ),
    "a provisioned group is called otherwise": (
        "UPDATE pedigree.provisioned_group SET display_name = 'other'",
        {"provisioning_matches_events"},
    ),
    "a group is no longer provisioned": (
        "DELETE FROM pedigree.provisioned_group",
        {"provisioning_matches_events"},
    ),
    "a webhook sends elsewhere": (
        "UPDATE pedigree.webhook SET url = 'https://evil.example'",
        {"webhooks_match_events"},
    ),
    "a webhook has another secret": (
        "UPDATE pedigree.webhook SET secret = secret || 'x'",
        {"webhooks_match_events"},
    ),
    "a webhook was slipped in": (
        "INSERT INTO pedigree.webhook (url, secret, created_at, created_by, seq)"
        " SELECT 'https://evil.example', 'x', now(), 'tester', 0",
        {"webhooks_match_events"},
    ),
    "a webhook is gone": ("DELETE FROM pedigree.webhook", {"webhooks_match_events"}),
    "a place of the feed is gone": (
        FEED_OFF + "DELETE FROM pedigree.feed WHERE seq = 3" + FEED_ON,
        {"feed_contiguous", "event_counts_match"},
    ),
    "an event was counted twice": (
        "UPDATE pedigree.event_count SET count = count + 1 WHERE type = 'model.created'",
        {"event_counts_match"},
    ),
    "an event waits that has its place": (
        "INSERT INTO pedigree.unsequenced SELECT id FROM pedigree.feed WHERE seq = 1",
        {"feed_contiguous"},
    ),
    "an event is gone": (
        UNGUARDED
        + FEED_OFF
        + EVENTS_OFF
        + "DELETE FROM pedigree.feed WHERE seq = (SELECT max(seq) FROM pedigree.feed);"
        "DELETE FROM pedigree.event WHERE id NOT IN (SELECT id FROM pedigree.feed)"
        + EVENTS_ON
        + FEED_ON,
        {"event_counts_match", "events_replay", "quarantines_match_events"},
    ),
    "an event's bytes were edited": (
        EVENTS_OFF + "UPDATE pedigree.event SET canonical = convert_to(replace(convert_from("
        "canonical, 'UTF8'), 'person-', 'nobody-'), 'UTF8') WHERE type = 'version.held'"
        + EVENTS_ON,
        {"leaves_match"},
    ),
    "an event was forged with its leaf": (
        EVENTS_OFF + "UPDATE pedigree.event SET canonical = forged.bytes,"
        " leaf = sha256('\\x00'::bytea || forged.bytes) FROM (SELECT id, convert_to(replace("
        "convert_from(canonical, 'UTF8'), 'case 7', 'case 8'), 'UTF8') AS bytes"
        " FROM pedigree.event WHERE type = 'version.held') AS forged"
        " WHERE forged.id = event.id" + EVENTS_ON,
        {"events_replay"},
    ),
    "an event's row says another type": (
        EVENTS_OFF + "UPDATE pedigree.event SET type = 'version.released'"
        " WHERE type = 'version.held'" + EVENTS_ON,
        {"event_counts_match", "leaves_match"},
    ),
    "a live key was given up": (
        "INSERT INTO pedigree.orphan (key) SELECT key FROM pedigree.blob LIMIT 1",
        {"discarded_keys_unused"},
    ),
    "a foreign key is missing": (
        "ALTER TABLE pedigree.artifact_file DROP CONSTRAINT artifact_file_blob_digest_fkey",
        {"constraints_enforced"},
    ),
    "a unique index is missing": ("DROP INDEX pedigree.tenure_exclusive", {"constraints_enforced"}),
    "events can be changed": (
        "ALTER TABLE pedigree.event DISABLE TRIGGER event_append_only",
        {"constraints_enforced"},
    ),
    "a stage was moved": (
        "UPDATE pedigree.tenure SET name = 'archived' WHERE name = 'staging'"
        " AND held_until IS NULL",
        {"events_replay"},
    ),
    "an alias was moved": (
        "UPDATE pedigree.tenure SET version = 1 WHERE pointer = 'alias'",
        {"events_replay", "search_index_matches"},
    ),
    "a legal hold was taken away": (
        "UPDATE pedigree.model_version SET hold_reason = NULL",
        {"events_replay"},
    ),
    "a quarantine was taken away": (
        "UPDATE pedigree.model_version SET quarantine_reason = NULL",
        {"events_replay"},
    ),
    "a version was marked deleted": (
        "UPDATE pedigree.model_version SET deleted_at = now() WHERE version = 5",
        {"events_replay", "pointers_resolve"},
    ),
    "a tag was edited": (
        'UPDATE pedigree.model_version SET tags = \'{"team": "risk"}\' WHERE version = 1',
        {"events_replay"},
    ),
    "a metric was edited": (
        "UPDATE pedigree.training SET metrics = '{\"auc\": 0.99}' WHERE version = 1",
        {"events_replay"},
    ),
    "a verdict was edited": (
        "UPDATE pedigree.verdict SET passed = NOT passed WHERE version = 1",
        {"events_replay"},
    ),
    "a verdict's settings were edited": (
        "UPDATE pedigree.verdict SET settings = '{\"percent\": 0}' WHERE version = 1",
        {"events_replay"},
    ),
    "what the sensor gave up was edited": (
        "UPDATE pedigree.given_up_promotion SET attempts = 1",
        {"events_replay"},
    ),
    "an evaluation was edited": (
        "UPDATE pedigree.evaluation SET evaluation ="
        " jsonb_set(evaluation, '{overall,metrics,accuracy}', '0.9')",
        {"events_replay"},
    ),
    "a tier was edited": (
        "UPDATE pedigree.model_version SET tier = 'archive' WHERE version = 1",
        {"events_replay"},
    ),
    "the generation was set back": (
        "UPDATE pedigree.registered_model SET generation = 0",
        {"events_replay"},
    ),
    "the policy was edited": (
        "UPDATE pedigree.registered_model SET policy ="
        " jsonb_set(policy, '{retention,keep_production}', '1')",
        {"events_replay"},
    ),
    "who registered it was edited": (
        "UPDATE pedigree.model_version SET created_by = 'somebody' WHERE version = 1",
        {"events_replay"},
    ),
}


def foreign(table: str) -> str:
    """Insert the row of a missing version into a search table."""
    return (
        f"INSERT INTO pedigree.{table} SELECT"
        f""" (jsonb_populate_record(t, '{{"version": 99}}')).* FROM pedigree.{table} t LIMIT 1"""
    )


# Changes of the search tables, each of which violates only `search_index_matches`.
EDITS_OF_SEARCH = {
    "a row is missing": "DELETE FROM pedigree.search_version WHERE version = 1",
    "a row is foreign": foreign("search_version"),
    "a row was edited": "UPDATE pedigree.search_version SET run_id = 'x' WHERE version = 1",
    "a term is missing": "DELETE FROM pedigree.search_term WHERE field = 'tags.team'",
    "a term is foreign": foreign("search_term"),
    "a term was edited": "UPDATE pedigree.search_term SET value = 'y' WHERE field = 'tags.team'",
    "a metric is missing": "DELETE FROM pedigree.search_metric WHERE version = 1",
    "a metric is foreign": foreign("search_metric"),
    "a metric was edited": "UPDATE pedigree.search_metric SET value = 0.91 WHERE version = 1",
    "a row for MLflow is missing": "DELETE FROM pedigree.search_mlflow WHERE version = 1",
    "a row for MLflow is foreign": foreign("search_mlflow"),
    "a row for MLflow was edited": "UPDATE pedigree.search_mlflow"
    " SET updated_ms = updated_ms + 1 WHERE version = 1",
    "a tag for MLflow is missing": "DELETE FROM pedigree.search_mlflow_tag WHERE key = 'team'",
    "a tag for MLflow was edited": "UPDATE pedigree.search_mlflow_tag"
    " SET value = 'y' WHERE key = 'team'",
    "a text is missing": "DELETE FROM pedigree.search_text WHERE version = 1",
    "a text is foreign": foreign("search_text"),
    "a text was edited": "UPDATE pedigree.search_text"
    " SET document = document || to_tsvector('english', 'forged') WHERE version = 1",
    "a record is missing": "DELETE FROM pedigree.search_record WHERE version = 1",
    "a record is foreign": foreign("search_record"),
    "a record was edited": "UPDATE pedigree.search_record"
    " SET record = replace(record::text, 'person-', 'nobody-')::json WHERE version = 1",
    "a record's signature was edited": "UPDATE pedigree.search_record SET signature = '{}'",
    "a row of a model is missing": "DELETE FROM pedigree.search_model",
    "a row of a model is foreign": "INSERT INTO pedigree.search_model SELECT"
    """ (jsonb_populate_record(t, '{"model_id": 99}')).* FROM pedigree.search_model t""",
    "a row of a model was edited": "UPDATE pedigree.search_model SET champion_since = now()",
    "a count of versions was edited": "UPDATE pedigree.search_model SET versions = versions + 1",
    "a word is missing": "DELETE FROM pedigree.search_word WHERE word = 'churn'",
}


@pytest.fixture
def lived(impatient: Registry, tmp_path: Path) -> Registry:
    """A registry with every kind of change."""
    registry = with_secret_key(impatient)
    for content in ("a", "b", "c", "d", "e"):
        register_candidate(registry, tmp_path, content, metrics={"auc": 0.9}, tags={"team": "x"})
    promote(registry, "churn/1", "staging", "production")
    promote(registry, "churn/2", "staging", "production")
    promote(registry, "churn/3", "staging")
    registry.rollback("churn")
    promote(registry, "churn/2", "production")
    registry.set_alias("churn", "best", 2)
    registry.set_alias("churn", "best", 3)
    registry.set_alias("churn", "worst", 1)
    registry.delete_alias("churn", "worst")
    registry.set_alias("churn", "best", 2)
    registry.set_retention("churn", RetentionRule(keep_production=5))
    registry.write_card("churn/1")
    overall = GroupResult(group="overall", count=3, metrics={"accuracy": 2 / 3})
    registry.set_evaluation("churn/1", Evaluation(task=Task.BINARY, overall=overall))
    register(registry, tmp_path, "a", run_id="run-2", metrics={"auc": 1e23})
    registry.update("churn/1", description="the first", owners=["ann"])
    registry.delete("churn/4", reason="test")
    collect(registry)
    registry.delete("churn/5", reason="test")
    registry.restore("churn/5")
    registry.create_token("ci", roles=[Role.READER], expires=timedelta(days=1))
    registry.revoke_token(registry.create_token("gone", roles=[Role.ADMIN]).token.token_id)
    registry.define_role("curator", [Permission.READ, Permission.DESCRIBE])
    for group in ("risk", "gone"):
        registry.create_group(group)
        registry.add_member(group, "ann")
        registry.grant_access("approver", f"group:{group}", models=["churn*"])
    registry.delete_group("gone")
    registry.remove_member("risk", "ann")
    registry.add_member("risk", "ann")
    registry.end_grant(registry.grant_access("curator", "ann").grant_id, reason="left")
    for name in ("dana", "dan"):
        see(registry, name)
    registry.link_person("dan", person="dana")
    provisioning = registry.operations.provisioning
    users = [provisioning.provision_user(name).user_id for name in ("erin", "finn")]
    provisioning.provision_group("Provided", members=users)
    provisioning.deprovision_user(users[1])
    webhook_id = registry.create_webhook("https://ci.example").webhook.webhook_id
    registry.update_webhook(webhook_id, types=["version.*"])
    registry.rotate_webhook_secret(webhook_id)
    gone = registry.create_webhook("https://gone.example").webhook.webhook_id
    registry.delete_webhook(gone)
    registry.hold("churn/1", reason="case 7")
    registry.set_policy_default("risk-*", registry.policy("churn"))
    registry.set_policy_default("gone-*", registry.policy("churn"))
    registry.delete_policy_default("gone-*")
    registry.set_datasheet("raw", Datasheet(motivation="to learn"))
    verdict = DataVerdict(asset="raw", check="expectations", passed=True, summary="2 of 2")
    registry.record_data_verdict(verdict)
    due = registry.operations.promotions.evaluate_candidates("churn").due
    assert due is not None
    registry.operations.promotions.give_up_promotion(
        due, attempts=3, run_id="run-3", problem="no luck"
    )
    registry.quarantine_version("churn/5", reason="unfair")
    registry.events()
    return registry


def promote(registry: Registry, reference: str, *stages: str) -> None:
    for check in registry.registration_checks("churn"):
        registry.run_check(reference, check)
    for stage in stages:
        registry.promote(reference, stage)


def test_nothing_is_wrong_where_nothing_was_damaged(lived: Registry, tmp_path: Path) -> None:
    register(lived, tmp_path, "gone", name="gone")
    lived.delete_model("gone", reason="test")
    guarded = lived.policy("churn").model_copy(update={"aliases": {"best": "production"}})
    lived.set_policy("churn", guarded)
    LogSealing(with_secret_key(lived, audit_key="database")).attempt()
    lived.operations.audit.export_log(tmp_path / "export")
    offline = verify_folder(tmp_path / "export", [lived.operations.audit.log_keys()[0].key])
    assert (offline.problems, offline.unchecked, offline.models) == ([], [], 2)
    report = lived.fsck(hashes=True)
    assert report.violated == (), report
    looked_at = {check.name: check.looked_at for check in report.checks}
    assert looked_at["versions_gapless"] == looked_at["events_replay"] == 2
    assert len(require_documented(lived.events())) >= 38
    # The tests' database has no roles of its own.
    assert [name for name, number in looked_at.items() if not number] == ["fence_stands"]


def test_fsck_finds_every_edit_of_the_database(
    violated: Callable[[str], set[str]],
) -> None:
    found = {what: violated(statements) for what, (statements, _) in EDITS.items()}
    assert found == {what: names for what, (_, names) in EDITS.items()}


def test_fsck_finds_every_edit_of_what_search_looks_at(
    violated: Callable[[str], set[str]],
) -> None:
    found = {what: violated(statement) for what, statement in EDITS_OF_SEARCH.items()}
    assert found == {what: {"search_index_matches"} for what in EDITS_OF_SEARCH}


@pytest.fixture
def violated(
    lived: Registry, database_url: str, make_database_url: Callable[..., str]
) -> Callable[[str], set[str]]:
    """Return what fsck finds in a copy of the database, edited by the server's owner."""
    lived.database.close()

    def violated(statements: str) -> set[str]:
        copy = make_database_url(template=database_url.rpartition("/")[2].partition("?")[0])
        with psycopg.connect(copy, autocommit=True) as owner:
            owner.execute(statements)
        with Database.connect(copy, connections=2) as database:
            return set(fsck(database, lived.store).violated)

    return violated


@pytest.mark.parametrize(
    ("content", "by_size"), [(None, True), (b"", True), (b"b", False)], ids=["gone", "cut", "bit"]
)
def test_fsck_finds_a_damaged_object(
    impatient: Registry, tmp_path: Path, content: bytes | None, by_size: bool
) -> None:
    register(impatient, tmp_path, "a")
    (key,) = blob_keys(impatient.database).values()
    file = impatient.settings.home_folder / "objects" / key
    file.unlink() if content is None else file.write_bytes(content)
    assert impatient.fsck().violated == (("objects_intact",) if by_size else ())
    assert impatient.fsck(hashes=True).violated == ("objects_intact",)
