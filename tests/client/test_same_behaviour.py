"""One suite for both: a registry behaves alike in this process and over HTTP."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import get_type_hints

import pytest

from pedigree.audit.event_types import EventType
from pedigree.cards.records import CardNotes
from pedigree.catalog.records import Registration, TrainingOrigin
from pedigree.client.remote import ServiceRegistry
from pedigree.contract import verbs as bound_verbs
from pedigree.contract.registry import RegistryContract
from pedigree.errors import (
    AliasNotFoundError,
    GateNotPassedError,
    GenerationConflictError,
    InvalidAliasError,
    InvalidArtifactError,
    InvalidInputError,
    InvalidMetadataError,
    InvalidNameError,
    InvalidPolicyError,
    InvalidReferenceError,
    InvalidSearchError,
    ModelNotFoundError,
    NameTakenError,
    NotFoundError,
    NothingToRollBackError,
    NotPermittedError,
    PedigreeError,
    QuarantineNotFoundError,
    StageEmptyError,
    TagNotFoundError,
    TransitionNotAllowedError,
    UnknownFlavorError,
    UnverifiedModelError,
    VersionInUseError,
    VersionNotFoundError,
)
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import ApprovalRule, MetricRule, Move, Policy, RetentionRule
from pedigree.lineage.records import Certainty, LineageGraph
from pedigree.registry import Registry
from tests.factories import AUC_POLICY, COMMIT, artifact, free_policy, new_version, register
from tests.lineage.graphs import graph, missing, node

Verb = Callable[[Registry], object]


def judged(registry: Registry, folder: Path, name: str, content: str, **fields: object) -> str:
    """Register some content, and let the registry's checks judge it."""
    reference = register(registry, folder, content, name, **fields)
    registry.judge(reference)
    return reference


def in_production(registry: Registry, folder: Path, name: str, content: str) -> str:
    reference = judged(registry, folder, name, content)
    registry.promote(reference, "staging")
    registry.promote(reference, "production", reason=f"{content} is good")
    return reference


def test_both_have_the_verbs_of_the_contract_with_its_signatures(registry: Registry) -> None:
    verbs = {name for name in dir(RegistryContract) if not name.startswith("_")}
    in_process = {name for name in dir(Registry) if not name.startswith("_")}
    assert in_process - verbs <= {"acting_as", "actor", "connect"}
    assert {name for name in dir(ServiceRegistry) if not name.startswith("_")} == verbs
    for verb in sorted(verbs):
        contract = inspect.signature(getattr(RegistryContract, verb))
        assert inspect.signature(getattr(Registry, verb)) == contract, verb
        bound = [*contract.parameters.values()][1:]
        found = [*inspect.signature(getattr(registry, verb)).parameters.values()]
        if isinstance(
            vars(bound_verbs.RegistryVerbs).get(verb), bound_verbs.Verb
        ):  # only the contract states bounds
            types = get_type_hints(getattr(RegistryContract, verb))
            operation = inspect.unwrap(getattr(registry, verb))
            more = [
                each
                for name, each in inspect.signature(operation).parameters.items()
                if name not in contract.parameters
            ]
            hints = get_type_hints(operation)
            assert {name: hints.pop(name) for name in types} == types, verb
            del types["return"]
            # Only for callers in this process: the verb itself does not take it.
            assert {each.name for each in more} == {*hints}, verb
            for each in more:
                assert (each.kind, verb) == (inspect.Parameter.KEYWORD_ONLY, verb)
                with pytest.raises(TypeError, match=each.name):
                    getattr(registry, verb)(**dict.fromkeys(types, "x"), **{each.name: True})
            found, bound = map(untyped, found), map(untyped, bound)
        assert [*found] == [*bound], verb
        assert inspect.getdoc(getattr(registry, verb)), verb


def untyped(parameter: inspect.Parameter) -> inspect.Parameter:
    return parameter.replace(annotation=inspect.Parameter.empty)


def test_a_version_is_registered_and_found(registry: Registry, tmp_path: Path, name: str) -> None:
    files = artifact(tmp_path / "model")
    (files / "deep").mkdir()
    (files / "deep" / "ünïcode weights.bin").write_bytes(b"x" * (2 << 20))
    (files / "empty").touch()
    answers: list[tuple[int, int]] = []
    new = new_version(metrics={"auc": 0.91}, tags={"team": "growth"}, environment=("a==1", "b==2"))
    done = registry.register(name, files, new, progress=lambda *each: answers.append(each))
    assert isinstance(done, Registration)
    assert (done.created, done.version.reference) == (True, f"{name}/1")
    assert answers[-1][0] == answers[-1][1] > 2 << 20
    again = registry.register(name, files, new_version(run_id="run-2"))
    assert (again.created, again.version.reference) == (False, f"{name}/1")
    found = registry.get(f"{name}/1")
    latest = registry.get(f"{name}@latest")
    # A service draws the model card meanwhile.
    assert found.model_copy(update={"model_card_uri": latest.model_card_uri}) == latest
    assert (found.metrics, found.tags) == ({"auc": 0.91}, {"team": "growth"})
    assert [each.metadata.run_id for each in registry.trainings(f"{name}/1")] == ["run-1", "run-2"]
    assert registry.environment(f"{name}/1") == ("a==1", "b==2")
    assert registry.lineage(f"{name}/1") == LineageGraph()
    assert registry.manifest(f"{name}/1").digest == found.digest
    assert [each.reference for each in registry.versions(name)] == [f"{name}/1"]
    assert registry.model(name).latest_version == 1
    assert name in [each.name for each in registry.each_model()]


@pytest.mark.parametrize(
    ("verify", "status"), [(True, "verified"), (False, "skipped")], ids=["verified", "skipped"]
)
def test_a_model_is_verified_where_it_is(
    registry: Registry, name: str, verify: bool, status: str
) -> None:
    # The base wheel has none of the libraries; their models are tested in tests/flavors.
    np = pytest.importorskip("numpy")
    pytest.importorskip("joblib")
    from tests.flavors.saved_models import Constant, ForgetsItsValue

    given = {"flavor": "joblib", "sample": np.ones((3, 1)), "run_id": "nb", "git_commit": COMMIT}
    done = registry.register_model(name, Constant(), verify=verify, **given)
    assert done.version.verification.status == status
    (training,) = registry.trainings(f"{name}/1")
    assert (
        training.verification == done.version.verification == registry.get(f"{name}/1").verification
    )
    if verify:
        with pytest.raises(UnverifiedModelError):
            registry.register_model(name, ForgetsItsValue(7.0), **given)
    assert registry.model(name).latest_version == 1
    by_path = registry.register(name, Path(__file__), new_version())
    assert by_path.version.verification.status == "not possible"


def test_fields_and_signature_are_stated_by_keyword(
    registry: Registry, tmp_path: Path, name: str
) -> None:
    metadata = new_version().metadata
    done = registry.register(
        name,
        artifact(tmp_path / "model"),
        flavor="generic",
        signature=metadata.signature,
        run_id="ci-7",
        git_commit=metadata.git_commit,
        metrics={"auc": 0.9},
    )
    assert (done.version.run_id, done.version.metrics) == ("ci-7", {"auc": 0.9})


def test_a_version_is_pulled_loaded_and_verified(
    registry: Registry, tmp_path: Path, name: str
) -> None:
    reference = register(registry, tmp_path, "weights", name)
    there = tmp_path / "there"
    manifest = registry.pull(reference, there)
    assert (there / "model.bin").read_text() == "weights"
    assert manifest == registry.verify(reference)
    assert (registry.folder(reference) / "model.bin").read_text() == "weights"
    loaded = registry.load(reference)
    assert isinstance(loaded, Path)
    file, chunks = registry.stream(reference, "model.bin", start=3)
    assert (file.size, b"".join(chunks)) == (7, b"ghts")
    with pytest.raises(NotFoundError, match="no such file"):
        registry.stream(reference, "other.bin")


def test_a_model_is_made_described_and_deleted(registry: Registry, name: str) -> None:
    made = registry.create_model(name, description="churn", owners=["ann"], tags={"a": "b"})
    assert registry.model(name) == made
    assert registry.update_model(name, owners=["bob"]).owners == ("bob",)
    with pytest.raises(NameTakenError):
        registry.create_model(name.upper())
    registry.delete_model(name, reason="a test")
    with pytest.raises(ModelNotFoundError):
        registry.model(name)
    registry.restore_model(name)
    assert registry.model(name).description == "churn"


def test_a_version_is_edited_held_deleted_and_restored(
    registry: Registry, tmp_path: Path, name: str
) -> None:
    reference = register(registry, tmp_path, "a", name)
    assert registry.update(reference, tags={"a": "b"}).tags == {"a": "b"}
    registry.hold(reference, reason="a lawsuit")
    with pytest.raises(VersionInUseError, match="hold"):
        registry.delete(reference, reason="tidy up")
    registry.lift_hold(reference)
    registry.delete(reference, reason="tidy up")
    with pytest.raises(VersionNotFoundError):
        registry.get(reference)
    assert registry.restore(reference, reason="needed").reference == reference
    with pytest.raises(InvalidReferenceError, match="by its number"):
        registry.restore(f"{name}@champion")


def test_a_model_is_renamed(registry: Registry, tmp_path: Path, name: str) -> None:
    register(registry, tmp_path, "a", name)
    renamed = registry.rename_model(name, f"{name}-new")
    assert (renamed.name, renamed.latest_version) == (f"{name}-new", 1)
    assert registry.get(f"{name}-new/1").model_name == f"{name}-new"
    with pytest.raises(ModelNotFoundError):
        registry.model(name)
    with pytest.raises(NameTakenError):
        registry.create_model(name)
    registry.create_model(f"{name}-other")
    with pytest.raises(NameTakenError):
        registry.rename_model(f"{name}-other", f"{name}-new")
    registry.update_model(f"{name}-new", description="renamed")
    assert {event.model for event in registry.events(model=name)} == {name, f"{name}-new"}


@pytest.mark.parametrize("suffix", ["", "/1", "@best"])
def test_one_tag_is_set_and_deleted(
    registry: Registry, tmp_path: Path, name: str, suffix: str
) -> None:
    register(registry, tmp_path, "a", name)
    registry.set_alias(name, "best", 1)
    subject = f"{name}{suffix}"
    registry.set_tag(subject, "a/b c", "1")
    registry.set_tag(subject, "other", "")
    found = registry.get(subject).tags if suffix else registry.model(name).tags
    assert found == {"a/b c": "1", "other": ""}
    registry.delete_tag(subject, "a/b c")
    found = registry.get(subject).tags if suffix else registry.model(name).tags
    assert found == {"other": ""}
    with pytest.raises(TagNotFoundError):
        registry.delete_tag(subject, "a/b c")
    with pytest.raises(InvalidInputError):
        registry.set_tag(subject, "k" * 251, "1")


def test_aliases_are_set_moved_and_deleted(registry: Registry, tmp_path: Path, name: str) -> None:
    first = register(registry, tmp_path, "a", name)
    register(registry, tmp_path, "b", name)
    registry.set_alias(name, "best", 1, reason="the only one")
    assert registry.get(f"{name}@best").reference == first
    seen = registry.model(name).generation
    registry.set_alias(name, "best", 2, expected_generation=seen)
    with pytest.raises(GenerationConflictError):
        registry.set_alias(name, "best", 1, expected_generation=seen)
    registry.delete_alias(name, "best")
    with pytest.raises(AliasNotFoundError):
        registry.delete_alias(name, "best")
    for wrong in ("latest", "v3", "no/slash", "production"):
        with pytest.raises(InvalidAliasError):
            registry.set_alias(name, wrong, 1)


def test_stages_and_aliases_are_kept_apart_and_found_in_any_case(
    registry: Registry, tmp_path: Path, name: str
) -> None:
    registry.set_policy(name, free_policy())
    reference = register(registry, tmp_path, "a", name)
    assert registry.promote(reference, "Staging").stage == "staging"
    registry.set_alias(name, "Champion", 1)
    for asked in (f"{name}@STAGING", f"models:/{name}/Staging", f"{name}@champion"):
        assert registry.get(asked).reference == reference
    held = registry.holder(name, "STAGING")
    assert held is not None
    assert held.reference == reference
    assert len(registry.timeline(name, "alias:champion")) == 1
    with pytest.raises(InvalidAliasError, match="'Champion'"):
        registry.set_alias(name, "champion", 1)
    others = tuple(rule for rule in free_policy().stages if rule.name != "staging")
    after = tuple(set(each.after) - {"staging"} for each in others)
    dropped = [
        rule.model_copy(update={"after": tuple(each)})
        for rule, each in zip(others, after, strict=True)
    ]
    with pytest.raises(InvalidPolicyError, match=f"{name}/1 in staging"):
        registry.set_policy(name, Policy(stages=tuple(dropped)))
    registry.delete_alias(name, "CHAMPION")
    assert registry.model(name).aliases == {}


def test_a_policy_from_before_the_naming_rule_is_parsed(
    served_both: tuple[Registry, Registry], name: str
) -> None:
    from psycopg.types.json import (
        Jsonb,  # the bare client, to which this file is also run, has none
    )

    from tests.fencing import edit_rows

    in_process, over_http = served_both
    in_process.set_policy(name, free_policy())
    stored = {"stages": [{"name": "v1", "after": ["none"]}]}
    edit_rows(
        in_process.database,
        "UPDATE pedigree.registered_model SET policy = %s WHERE name = %s",
        [Jsonb(stored), name],
    )
    for registry in served_both:
        assert [rule.name for rule in registry.policy(name).stages] == ["v1"]
    with pytest.raises(InvalidInputError, match="reserved for version numbers"):
        over_http.set_policy(name, over_http.policy(name).model_copy(update={"editors": ("ann",)}))
    assert in_process.policy_history(name) == over_http.policy_history(name)


def test_versions_are_promoted_and_rolled_back(
    registry: Registry, tmp_path: Path, name: str
) -> None:
    assert_nobody = registry.create_model(name)
    assert assert_nobody.latest_version == 0
    assert registry.champion(name) is None
    first = in_production(registry, tmp_path, name, "a")
    second = in_production(registry, tmp_path, name, "b")
    assert registry.get(f"{name}@production").reference == second
    assert registry.promote(second, "production").moved is False
    champion = registry.champion(name)
    assert champion is not None
    assert champion.reference == second
    move = registry.rollback(name, reason="b is bad")
    assert (move.version_id, move.previous_version_id) == (1, 2)
    assert registry.get(first).stage == "production"
    with pytest.raises(NothingToRollBackError):
        registry.rollback(name)
    with pytest.raises(StageEmptyError):
        registry.rollback(name, stage="staging")
    held = [(each.version_id, each.reason) for each in registry.timeline(name, "stage:production")]
    assert held == [(1, "a is good"), (2, "b is good"), (1, "b is bad")]
    older = registry.timeline(name, limit=2, before=registry.timeline(name)[-1].tenure_id)
    assert older == registry.timeline(name)[-3:-1]
    assert registry.tenures(first)[-1] == registry.timeline(name, "stage:production")[-1]
    now = registry.as_of(name, datetime.now(UTC), "stage:production")
    assert [each.version_id for each in now] == [1]


def test_refused_moves_state_the_reason(registry: Registry, tmp_path: Path, name: str) -> None:
    registry.set_policy(name, AUC_POLICY, reason="a test")
    assert registry.policy(name) == AUC_POLICY
    assert [each.revision for each in registry.policy_history(name)] == [1]
    reference = judged(registry, tmp_path, name, "a", metrics={"auc": 0.9})
    assert {each.check for each in registry.verdicts(reference)} >= {"artifact_intact"}
    worse = judged(registry, tmp_path, name, "b", metrics={"auc": 0.9})
    with pytest.raises(TransitionNotAllowedError) as caught:
        registry.promote(worse, "nirvana")
    assert (caught.value.field, caught.value.value) == ("stage", "nirvana")
    assert caught.value.remedy
    seen = registry.get(worse).generation
    registry.set_alias(name, "best", 1)
    with pytest.raises(GenerationConflictError):
        registry.promote(worse, "staging", expected_generation=seen)
    explained = registry.explain(worse, "production")
    assert not explained.passed
    assert explained.waits_for


def test_versions_wait_for_people(
    registry: Registry, served_policy: Policy, tmp_path: Path, name: str
) -> None:
    registry.set_policy(name, served_policy)
    reference = judged(registry, tmp_path, name, "a")
    with pytest.raises(GateNotPassedError, match="approval"):
        registry.promote(reference, "staging")
    with pytest.raises(NotPermittedError, match="registered by the same person"):
        registry.approve(reference, "staging", comment="mine")
    assert registry.decisions(reference) == ()
    asked = registry.request_stage(reference, "staging", reason="try it")
    assert isinstance(asked, StageRequest)
    assert (asked.reason, asked.waits_for) == ("try it", ("1 approval",))
    assert asked in registry.stage_requests(limit=1000)
    assert registry.stage_requests(name) == (asked,)
    assert registry.stage_requests(name, after=asked.request_id) == ()
    assert registry.explain(reference, "staging").requests == (asked,)
    (withdrawn,) = registry.withdraw_request(reference, "staging")
    assert withdrawn.outcome == "withdrawn"
    archived = registry.request_stage(reference, "archived")
    assert isinstance(archived, Move)
    assert archived.moved


@pytest.fixture
def served_policy() -> Policy:
    """A policy that requires an approval before staging."""
    stages = tuple(
        stage.model_copy(update={"approvals": ApprovalRule()}) if stage.name == "staging" else stage
        for stage in default_policy().stages
    )
    return Policy(stages=stages)


def test_data_and_versions_are_quarantined_and_released(
    registry: Registry, tmp_path: Path, name: str
) -> None:
    reference = in_production(registry, tmp_path, name, "a")
    marked = registry.quarantine_version(reference, reason="wrong labels")
    assert marked.quarantine_reason == "wrong labels"
    assert registry.release_version(reference).quarantine_reason is None
    made = registry.quarantine(name, "2026-01", reason="a broken sensor")
    assert made.quarantine_id in {one.quarantine_id for one in registry.quarantines()}
    later = registry.quarantine(name, "2026-02", reason="another one")
    (before,) = registry.quarantines(limit=1, before=later.quarantine_id)
    assert before.quarantine_id == made.quarantine_id
    registry.release(name, "2026-02")
    assert registry.release(name, "2026-01")[0].quarantine_id == made.quarantine_id
    with pytest.raises(QuarantineNotFoundError):
        registry.release(name, "2026-01")
    assert registry.impact(name).certain == ()


def test_impact_is_grouped_by_certainty(registry: Registry, tmp_path: Path, name: str) -> None:
    behind = (node(2, name, "2026-01"),)
    lineages = (
        graph(node(1, "features"), behind=behind),
        graph(node(1, "features"), behind=behind, certainty=Certainty.POSSIBLE),
        graph(missing(1, "features", upstream=(name,))),
    )
    for content, lineage in zip("abc", lineages, strict=True):
        register(registry, tmp_path, content, name, lineage=lineage)
    assert registry.lineage(f"{name}/2") == lineages[1]
    found = registry.impact(name, "2026-01")
    assert [one.reference for one in found.certain] == [f"{name}/1"]
    assert [one.reference for one in found.possible] == [f"{name}/2"]
    assert [one.reference for one in found.unknown] == [f"{name}/3"]
    made = registry.quarantine(name, "2026-01", reason="doubled rows", only_certain=True)
    assert (made.versions, made.spared) == ((f"{name}/1",), (f"{name}/2",))
    assert made.unknown == (f"{name}/3",)
    again = registry.quarantine(name, "2026-01", reason="doubled rows")
    assert (again.versions, again.possible) == ((f"{name}/1", f"{name}/2"), (f"{name}/2",))
    ended = registry.release(name, "2026-01")
    assert sorted(one.only_certain for one in ended) == [False, True]


def test_versions_trained_on_a_version_are_grouped_by_certainty(
    registry: Registry, tmp_path: Path, name: str
) -> None:
    teacher = register(registry, tmp_path, "a", name, origin=TrainingOrigin(asset=f"models/{name}"))
    digest = registry.get(teacher).digest
    behind = (node(2, f"models/{name}", version=digest),)
    maybe = graph(node(1, "scores"), behind=behind, certainty=Certainty.POSSIBLE)
    possible = register(registry, tmp_path, "b", f"{name}_maybe", lineage=maybe)
    lost = graph(missing(1, "scores", upstream=(f"models/{name}",)))
    unknown = register(registry, tmp_path, "c", f"{name}_lost", lineage=lost)
    found = registry.downstream(teacher)
    assert (found.versions, found.possible, found.unknown) == ((), (possible,), (unknown,))


def test_events_are_read_from_the_feed(registry: Registry, tmp_path: Path, name: str) -> None:
    before = registry.events(limit=100_000)
    last = before[-1].seq if before else 0
    register(registry, tmp_path, "a", name)
    kinds = [EventType.MODEL_CREATED, EventType.VERSION_CREATED]
    found = registry.events(last, types=kinds)
    assert [(each.type, each.model) for each in found] == [(kind, name) for kind in kinds]
    assert {each.actor.name for each in found} == {"tester"}
    assert registry.events(last, limit=1, model=name) == found[:1]
    register(registry, tmp_path, "a", f"another-{name}")
    assert registry.events(model=name, types=kinds) == found
    assert registry.events(found[0].seq, model=name, types=kinds) == found[1:]


def test_versions_are_searched(registry: Registry, tmp_path: Path, name: str) -> None:
    for content in ("a", "b", "c"):
        register(registry, tmp_path, content, name, metrics={"auc": ord(content) / 100})
    asked = f"name = '{name}' AND metrics.auc > 0.97"
    page = registry.search(asked, order_by=["metrics.auc DESC"], limit=1, count=True)
    assert [each.reference for each in page.records] == [f"{name}/3"]
    assert page.total == 2
    rest = registry.search(asked, order_by=["metrics.auc DESC"], limit=1, after=page.next)
    assert [each.reference for each in rest.records] == [f"{name}/2"]
    faceted = registry.search(f"name = '{name}'", facets=["flavor"])
    assert [(each.value, each.count) for each in faceted.facets["flavor"]] == [("generic", 3)]
    with pytest.raises(InvalidSearchError) as caught:
        registry.search("metrics.auc >")
    assert str(caught.value).endswith("^")


def test_versions_are_compared(registry: Registry, tmp_path: Path, name: str) -> None:
    a = register(registry, tmp_path, "a", name, metrics={"auc": 0.8})
    b = register(registry, tmp_path, "b", name, metrics={"auc": 0.9})
    found = registry.compare(a, b)
    assert [(each.name, each.a, each.b) for each in found.metrics] == [("auc", 0.8, 0.9)]
    # They have no recorded lineage.
    assert registry.diff(a, b).same is None
    assert not found.data_certain
    assert (registry.upstream(a).reference, registry.upstream(a).not_ruled_out) == (a, None)
    assert registry.downstream(a).usages == ()
    assert registry.stale(a) == registry.stale(a)
    assert registry.stale(a).stale is None
    assert registry.unmaterialized(a) == ()


def test_cards_checks_and_retention(registry: Registry, tmp_path: Path, name: str) -> None:
    reference = register(registry, tmp_path, "a", name)
    card = registry.write_card(reference, CardNotes(primary_uses="to try it"))
    assert "to try it" in card.markdown
    assert registry.card(reference).digest == card.digest
    assert registry.card_fields(reference)["primary_uses"]
    verdict = registry.run_check(reference, "artifact_intact")
    assert verdict.passed
    assert "artifact_intact" in [each.check for each in registry.run_checks(reference)]
    assert registry.rerun_check(reference, "artifact_intact")[0].passed
    assert registry.check_rules(name, "artifact_intact")[0].name == "artifact_intact"
    assert "artifact_intact" in registry.registration_checks(name)
    assert registry.retention(name) == RetentionRule()
    rule = RetentionRule(keep_production=3)
    assert registry.set_retention(name, rule) == rule
    assert registry.candidacies(reference) == registry.candidacies(reference)
    assert registry.stats().models >= 1


def test_webhooks_are_made_changed_and_deleted(registry: Registry, name: str) -> None:
    made = registry.create_webhook("https://example.com/x", types=["version.*"], models=[name])
    number = made.webhook.webhook_id
    assert registry.webhook(number) in registry.webhooks()
    assert registry.update_webhook(number, active=False).active is False
    assert registry.rotate_webhook_secret(number).secret != made.secret
    assert registry.deliveries(number) == ()
    registry.delete_webhook(number)
    with pytest.raises(NotFoundError):
        registry.webhook(number)


WRONG: dict[str, tuple[type[PedigreeError], Verb]] = {
    "a reference": (InvalidReferenceError, lambda registry: registry.get("churn")),
    "a name": (InvalidNameError, lambda registry: registry.model("a/b")),
    "no model": (ModelNotFoundError, lambda registry: registry.get("nobody/1")),
    "no version": (ModelNotFoundError, lambda registry: registry.versions("nobody")),
    "a pointer": (InvalidInputError, lambda registry: registry.timeline("nobody", "nonsense")),
    "no rollback": (ModelNotFoundError, lambda registry: registry.rollback("nobody")),
    "a search": (InvalidSearchError, lambda registry: registry.search("tags.a ~ 'b'")),
    "an order": (InvalidSearchError, lambda registry: registry.search(order_by="nonsense")),
    "no file": (
        InvalidArtifactError,
        lambda registry: registry.register("any", "/nowhere", new_version()),
    ),
    "no flavor": (
        UnknownFlavorError,
        lambda registry: registry.register("any", "/nowhere", new_version(flavor="unknown")),
    ),
    "no reason": (
        InvalidMetadataError,
        lambda registry: registry.register("any", "/nowhere"),
    ),
    "no check": (ModelNotFoundError, lambda registry: registry.judge("nobody/3")),
    "no quarantine": (QuarantineNotFoundError, lambda registry: registry.release("nothing", "may")),
    "no scope": (InvalidInputError, lambda registry: registry.release("nothing")),
    "two scopes": (
        InvalidInputError,
        lambda registry: registry.release("nothing", "may", whole_asset=True),
    ),
    "no policy": (
        InvalidNameError,
        lambda registry: registry.set_policy("a/b", default_policy(MetricRule(metric="auc"))),
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_errors_are_the_same(served_both: tuple[Registry, Registry], wrong: str) -> None:
    kind, verb = WRONG[wrong]
    answers = []
    for registry in served_both:
        with pytest.raises(kind) as caught:
            verb(registry)
        assert type(caught.value) is kind
        answers.append((str(caught.value), caught.value.field, caught.value.remedy))
    assert answers[0] == answers[1]


def test_a_refusal_lists_all_gates(
    served_both: tuple[Registry, Registry], tmp_path: Path, name: str
) -> None:
    in_process, over_http = served_both
    in_process.set_policy(name, AUC_POLICY)
    reference = judged(in_process, tmp_path, name, "a", metrics={"auc": 0.9})
    in_process.promote(reference, "staging")
    in_process.quarantine_version(reference, reason="wrong labels")
    answers = []
    for registry in (in_process, over_http):
        with pytest.raises(GateNotPassedError, match="wrong labels") as caught:
            registry.promote(reference, "production")
        answers.append((str(caught.value), caught.value.message, caught.value.remedy))
    assert answers[0] == answers[1]


@pytest.fixture
def served_both(
    request: pytest.FixtureRequest, connect: Callable[..., Registry]
) -> tuple[Registry, Registry]:
    """The registry in this process, and over HTTP."""
    return request.getfixturevalue("served").registry, connect()


def test_a_policy_without_checks_is_stored_unchanged(registry: Registry, name: str) -> None:
    registry.set_policy(name, free_policy(RetentionRule(keep_production=2)))
    assert registry.policy(name) == free_policy(RetentionRule(keep_production=2))
