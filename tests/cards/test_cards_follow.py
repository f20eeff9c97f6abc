"""After every verb a card shows the record: when it is read, and where it is stored."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from pedigree.access.records import Permission, Role
from pedigree.artifacts.records import ManifestFile, digest_of
from pedigree.audit.records import Actor
from pedigree.cards.records import CardNotes
from pedigree.datasets.records import Datasheet, DataVerdict
from pedigree.evaluation.records import Evaluation, GroupResult, Task
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import ApprovalRule, Policy, RetentionRule, Verdict
from pedigree.markdown import shown
from pedigree.monitoring.profile import profile
from pedigree.registry import Registry
from tests.cards.following import drawn, follow, kept
from tests.factories import artifact, new_version, register, with_secret_key
from tests.identities import see
from tests.lineage.graphs import graph, node
from tests.maintenance.collecting import collect, require_sound
from tests.unsealed import by_reference, create

Step = Callable[[Registry, Path], object]

ANN = Actor(name="ann", source="test")
VERBS = Path(__file__).parents[1] / "surface" / "verbs.txt"
FILES = [ManifestFile(path="model.bin", size=1, digest=digest_of(b"d"))]
DATA = pd.DataFrame({"age": range(200)})


def asking() -> Policy:
    """The default policy, whose staging requires an approval."""
    rules = [
        rule.model_copy(update={"approvals": ApprovalRule(needed=1)})
        if rule.name == "staging"
        else rule
        for rule in default_policy().stages
    ]
    return Policy(stages=tuple(rules))


def fill(registry: Registry, folder: Path) -> None:
    """Versions that depend on data, in several stages; and an unchanged model."""
    for content in ("a", "b", "c"):
        register(registry, folder, content, lineage=graph(node(1, "raw")), metrics={"auc": 0.9})
        registry.judge(f"churn/{registry.model('churn').latest_version}")
    for version in (1, 2):
        registry.promote(f"churn/{version}", "staging")
    registry.promote("churn/1", "production")
    register(registry, folder, "other", "other")


def give_up(registry: Registry, _: Path) -> None:
    due = registry.operations.promotions.evaluate_candidates("churn").due
    assert due is not None
    registry.operations.promotions.give_up_promotion(
        due, attempts=3, run_id="run-3", problem="no luck"
    )


def verdict(registry: Registry, reference: str) -> Verdict:
    digest = registry.get(reference).digest
    return Verdict(check="own", passed=True, digest=digest, summary="as good as before")


def dummy(registry: Registry, _: Path) -> object:
    from sklearn.dummy import DummyClassifier

    sample = pd.DataFrame({"age": [1.0, 2.0]})
    model = DummyClassifier().fit(sample, [0, 1])
    given = {"flavor": "joblib", "sample": sample, "run_id": "run-9", "git_commit": "0" * 40}
    return registry.register_model("dummy", model, git_dirty=False, verify=False, **given)


def linked(registry: Registry, _: Path) -> object:
    for name in ("ann", "ben"):
        see(registry, name)
    return registry.link_person("ann", person="ben")


def overridden(registry: Registry, _: Path) -> object:
    registry.set_policy("dummy", asking())
    return registry.override("dummy/1", "candidate", reason="urgent", actor=ANN)


def with_way_back() -> Policy:
    return default_policy().model_copy(update={"back_to_none": True})


# The verbs, in this order; most are followed by their opposite.
STORY: tuple[tuple[str, Step], ...] = (
    ("register", lambda r, f: r.register("churn", artifact(f / "d", "d"), new_version())),
    ("register", lambda r, f: r.register("churn", artifact(f / "d"), new_version(run_id="run-2"))),
    ("register_files", lambda r, _: r.register_files("churn", FILES, new_version(run_id="run-3"))),
    ("register_model", dummy),
    ("write_card", lambda r, _: r.write_card("churn/3", CardNotes(contact="ann"))),
    ("renew_card", lambda r, _: r.renew_card("churn/4")),
    ("update", lambda r, _: r.update("churn/3", description="better", owners=["ann"], tags={})),
    ("create_model", lambda r, _: r.create_model("empty")),
    ("update_model", lambda r, _: r.update_model("churn", description="who leaves")),
    ("rename_model", lambda r, _: r.rename_model("churn", "leaving")),
    ("rename_model", lambda r, _: r.rename_model("leaving", "churn")),
    ("set_tag", lambda r, _: r.set_tag("churn", "team", "growth")),
    ("set_tag", lambda r, _: r.set_tag("churn/3", "tier", "1")),
    ("delete_tag", lambda r, _: r.delete_tag("churn/3", "tier")),
    ("set_alias", lambda r, _: r.set_alias("churn", "best", 1)),
    ("set_alias", lambda r, _: r.set_alias("churn", "best", 3)),
    ("delete_alias", lambda r, _: r.delete_alias("churn", "best", reason="no more")),
    ("approve", lambda r, _: r.approve("churn/2", "production", comment="fine", actor=ANN)),
    ("set_alias", lambda r, _: r.set_alias("churn", "best", 3)),  # makes the approval void
    ("approve", lambda r, _: r.approve("churn/2", "production", comment="fine", actor=ANN)),
    ("set_policy", lambda r, _: r.set_policy("churn", asking(), reason="with care")),
    ("reject", lambda r, _: r.reject("churn/2", "production", comment="unfair", actor=ANN)),
    ("request_stage", lambda r, _: r.request_stage("churn/3", "staging", reason="soon")),
    ("override", overridden),
    ("withdraw_request", lambda r, _: r.withdraw_request("churn/3", "staging")),
    ("request_stage", lambda r, _: r.request_stage("churn/3", "staging", reason="soon")),
    ("approve", lambda r, _: r.approve("churn/3", "staging", comment="fine", actor=ANN)),
    ("set_policy", lambda r, _: r.set_policy("churn", default_policy())),
    ("record_verdict", lambda r, _: r.record_verdict("churn/3", verdict(r, "churn/3"))),
    ("run_check", lambda r, _: r.run_check("churn/3", "artifact_intact")),
    ("rerun_check", lambda r, _: r.rerun_check("churn/3", "artifact_intact")),
    ("run_checks", lambda r, _: r.run_checks("churn/3")),
    ("promote", lambda r, _: r.promote("churn/3", "production", reason="the best")),
    ("rollback", lambda r, _: r.rollback("churn", reason="slower")),
    ("judge", lambda r, _: r.judge("churn/4")),
    ("retry_promotion", give_up),
    ("retry_promotion", lambda r, _: r.retry_promotion("churn/4", "staging")),
    ("hold", lambda r, _: r.hold("churn/1", reason="case 7")),
    ("lift_hold", lambda r, _: r.lift_hold("churn/1")),
    ("seal", lambda r, f: r.seal(create(r).reference, artifact(f / "s", "s"))),
    ("seal_files", lambda r, _: r.seal_files(by_reference(r).reference, FILES)),
    ("quarantine", lambda r, _: r.quarantine("raw", reason="doubled rows")),
    ("release", lambda r, _: r.release("raw", whole_asset=True)),
    ("quarantine_version", lambda r, _: r.quarantine_version("churn/1", reason="unfair")),
    ("release_version", lambda r, _: r.release_version("churn/1")),
    (
        "set_evaluation",
        lambda r, _: r.set_evaluation(
            "churn/1",
            Evaluation(
                task=Task.BINARY,
                overall=GroupResult(group="overall", count=2, metrics={"accuracy": 0.5}),
            ),
        ),
    ),
    ("set_datasheet", lambda r, _: r.set_datasheet("raw", Datasheet(motivation="to learn"))),
    (
        "record_data_verdict",
        lambda r, _: r.record_data_verdict(
            DataVerdict(asset="raw", check="expectations", passed=True, summary="2 of 2")
        ),
    ),
    ("keep_profile", lambda r, _: r.keep_profile("churn/1", profile(DATA))),
    ("measure_drift", lambda r, _: r.measure_drift("churn/1", DATA + 300, asset="raw")),
    ("alert_drift", lambda r, _: r.alert_drift(r.drift("churn/1")[0].drift_id)),
    ("set_policy", lambda r, _: r.set_policy("churn", with_way_back())),
    ("promote", lambda r, _: r.promote("churn/4", "staging", archive_existing=True)),
    ("demote", lambda r, _: r.demote("churn/4", reason="too early")),
    ("set_policy_default", lambda r, _: r.set_policy_default("risk-*", default_policy())),
    ("delete_policy_default", lambda r, _: r.delete_policy_default("risk-*")),
    ("set_retention", lambda r, _: r.set_retention("churn", RetentionRule(keep_production=5))),
    ("set_alias", lambda r, _: r.set_alias("churn", "best", 4)),
    ("delete_alias", lambda r, _: r.delete_alias("churn", "best")),
    ("delete", lambda r, _: r.delete("churn/4", reason="a mistake")),
    ("restore", lambda r, _: r.restore("churn/4")),
    ("delete_model", lambda r, _: r.delete_model("other", reason="a mistake")),
    ("restore_model", lambda r, _: r.restore_model("other")),
    ("delete", lambda r, _: r.delete("churn/4", reason="a mistake")),
    ("gc", lambda r, _: collect(r)),
    ("create_token", lambda r, _: r.create_token("ci", roles=[Role.READER], expires=DAY)),
    ("revoke_token", lambda r, _: r.revoke_token(r.tokens()[0].token_id)),
    ("link_person", linked),
    ("unlink_person", lambda r, _: r.unlink_person("ann")),
    ("set_person_active", lambda r, _: r.set_person_active("ann", active=False)),
    ("end_sessions", lambda r, _: r.end_sessions("ben")),
    ("define_role", lambda r, _: r.define_role("looker", [Permission.READ])),
    ("create_group", lambda r, _: r.create_group("risk")),
    ("add_member", lambda r, _: r.add_member("risk", "ann")),
    ("grant_access", lambda r, _: r.grant_access("approver", "group:risk")),
    ("end_grant", lambda r, _: r.end_grant(1)),
    ("revoke_access", lambda r, _: r.revoke_access("bob", tokens=True)),
    ("remove_member", lambda r, _: r.remove_member("risk", "ann")),
    ("delete_group", lambda r, _: r.delete_group("risk")),
    ("remove_role", lambda r, _: r.remove_role("looker")),
    ("create_webhook", lambda r, _: r.create_webhook("https://ci.example")),
    ("erase_person", lambda r, _: r.erase_person("ann")),
)
DAY = timedelta(days=1)

# What concerns only uploads on their way, and what webhooks deliver.
ELSEWHERE = frozenset(
    {
        *("begin_upload", "end_upload"),
        *("delete_webhook", "redeliver", "rotate_webhook_secret", "test_webhook", "update_webhook"),
    }
)
READS = frozenset(
    {
        *("access_grants", "access_groups", "access_roles", "explain_access"),
        *("acting_as", "actor", "as_of", "candidacies", "card", "card_fields", "champion"),
        *("check_rules", "close", "compare", "connect", "data_verdicts", "datasheet", "datasheets"),
        *("decisions", "deliveries", "delivery", "diff", "downstream", "drift", "drift_result"),
        *("drift_report_text", "each_model", "environment", "evaluation", "events", "explain"),
        *("export_lineage", "folder", "fsck", "get", "holder", "impact", "lineage", "load"),
        *("manifest", "model", "models", "overrides", "plan_gc", "policy", "policy_defaults"),
        "policy_history",
        *("presign", "principals"),
        *("profile", "pull", "quarantines", "registration_checks", "retention", "retrain_like"),
        *("search", "snippets", "stage_requests", "stale", "stats", "stream", "tenures"),
        *("timeline", "tokens", "trainings", "unmaterialized", "upload", "upstream", "verdicts"),
        *("verify", "versions", "webhook", "webhooks", "whoami"),
    }
)


def versions(registry: Registry) -> list[str]:
    """All versions that are not deleted."""
    models = (model.name for model in registry.each_model())
    return [each.reference for name in models for each in registry.versions(name)]


def require_record(registry: Registry, reference: str, text: str) -> None:
    """A card matches the mutable fields of a version's record."""
    version = registry.get(reference)
    for line in (
        f"Now: stage {shown(version.stage)}, aliases {shown(version.aliases)}\n",
        f"- **Tags:** {shown(version.tags)}\n",
        f"- **Owners:** {shown(version.owners)}\n",
        f"- **Approval:** {shown(version.approval_status)}\n",
        f"- **Approval notes:** {shown(version.approval_notes)}\n",
        f"- **Quarantine:** {version.quarantine_reason or 'no'}\n",
        f"- **Legal hold:** {version.hold_reason or 'no'}\n",
        f"- **Trainings with these bytes:** {version.trainings}\n",
        version.description or "",
        *(f"| {shown(verdict.check)} |" for verdict in registry.verdicts(reference)),
    ):
        assert line in text, line


@pytest.fixture
def filled(impatient: Registry, tmp_path: Path) -> Registry:
    """A registry with some versions."""
    fill(registry := with_secret_key(impatient), tmp_path)
    return registry


def test_the_story_has_every_verb_that_changes_something() -> None:
    verbs = {line.partition("(")[0] for line in VERBS.read_text().splitlines()}
    assert verbs == {verb for verb, _ in STORY} | ELSEWHERE | READS


@pytest.mark.timeout(300)
def test_a_card_that_is_read_after_a_verb_shows_the_record(
    filled: Registry, tmp_path: Path
) -> None:
    for verb, step in (("nothing", lambda *_: None), *STORY):
        step(filled, tmp_path)
        for reference in versions(filled):
            card = filled.card(reference)
            assert card.markdown == drawn(filled, reference), (verb, reference)
            assert card.location is not None
            require_record(filled, reference, card.markdown)
    require_sound(filled)


@pytest.mark.timeout(300)
def test_the_follower_keeps_what_a_reader_would_see_after_every_verb(
    filled: Registry, tmp_path: Path
) -> None:
    for verb, step in (("nothing", lambda *_: None), *STORY):
        step(filled, tmp_path)
        follow(filled)
        wanted = {reference: drawn(filled, reference) for reference in versions(filled)}
        found = kept(filled)
        assert {name: found.get(name) for name in wanted} == wanted, verb
    before = filled.events()
    follow(filled)
    assert filled.events() == before
    require_sound(filled)
