"""The public verbs, each bound to its group of operations; both registries share them."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from pedigree.contract._entrance import guarded
from pedigree.contract.groups import Operations
from pedigree.contract.registry import RegistryContract

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Verb(Generic[P, R_co]):
    """A verb of a registry, performed by an operation of one of its groups.

    The type checker sees the operation's signature. On the class it is the contract's function,
    with its docstring; on an instance it is the operation, with its arguments checked.

    Args:
        find: Returns the operation of the groups that it is given.
    """

    def __init__(self, find: Callable[[Operations], Callable[P, R_co]]) -> None:
        self._find = find

    def __set_name__(self, owner: type, name: str) -> None:
        self._described: Callable[..., R_co] = getattr(RegistryContract, name)

    @overload
    def __get__(self, registry: None, owner: type) -> Callable[Concatenate[Any, P], R_co]: ...

    @overload
    def __get__(self, registry: "RegistryVerbs", owner: type) -> Callable[P, R_co]: ...

    def __get__(self, registry: "RegistryVerbs | None", owner: type) -> Callable[..., R_co]:
        if registry is None:
            return self._described
        operations = registry.operations
        return guarded(self._find(operations), self._described, operations)


class RegistryVerbs:
    """The public verbs of a registry; a subclass creates the groups of operations."""

    operations: Operations

    close: Callable[[], None]
    """Close the connections, and release this registry's files in the cache."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    create_model = Verb(lambda on: on.models.create_model)
    update_model = Verb(lambda on: on.models.update_model)
    rename_model = Verb(lambda on: on.models.rename_model)
    model = Verb(lambda on: on.models.model)
    models = Verb(lambda on: on.models.models)
    each_model = Verb(lambda on: on.models.each_model)

    get = Verb(lambda on: on.versions.get)
    versions = Verb(lambda on: on.versions.versions)
    update = Verb(lambda on: on.versions.update)
    trainings = Verb(lambda on: on.versions.trainings)
    environment = Verb(lambda on: on.versions.environment)
    compare = Verb(lambda on: on.versions.compare)

    register = Verb(lambda on: on.registration.register)
    register_model = Verb(lambda on: on.registration.register_model)
    register_files = Verb(lambda on: on.registration.register_files)

    begin_upload = Verb(lambda on: on.uploads.begin_upload)
    upload = Verb(lambda on: on.uploads.upload)
    end_upload = Verb(lambda on: on.uploads.end_upload)

    manifest = Verb(lambda on: on.artifacts.manifest)
    presign = Verb(lambda on: on.artifacts.presign)
    stream = Verb(lambda on: on.artifacts.stream)
    pull = Verb(lambda on: on.artifacts.pull)
    verify = Verb(lambda on: on.artifacts.verify)
    load = Verb(lambda on: on.artifacts.load)
    folder = Verb(lambda on: on.artifacts.folder)
    snippets = Verb(lambda on: on.artifacts.snippets)

    champion = Verb(lambda on: on.stages.champion)
    holder = Verb(lambda on: on.stages.holder)
    promote = Verb(lambda on: on.stages.promote)
    demote = Verb(lambda on: on.stages.demote)
    rollback = Verb(lambda on: on.stages.rollback)
    timeline = Verb(lambda on: on.stages.timeline)
    as_of = Verb(lambda on: on.stages.as_of)
    tenures = Verb(lambda on: on.stages.tenures)

    set_alias = Verb(lambda on: on.aliases.set_alias)
    delete_alias = Verb(lambda on: on.aliases.delete_alias)

    set_tag = Verb(lambda on: on.tags.set_tag)
    delete_tag = Verb(lambda on: on.tags.delete_tag)

    request_stage = Verb(lambda on: on.stage_requests.request_stage)
    withdraw_request = Verb(lambda on: on.stage_requests.withdraw_request)
    stage_requests = Verb(lambda on: on.stage_requests.stage_requests)

    approve = Verb(lambda on: on.approvals.approve)
    reject = Verb(lambda on: on.approvals.reject)
    decisions = Verb(lambda on: on.approvals.decisions)
    override = Verb(lambda on: on.approvals.override)
    overrides = Verb(lambda on: on.approvals.overrides)

    explain = Verb(lambda on: on.promotions.explain)
    candidacies = Verb(lambda on: on.promotions.candidacies)
    retry_promotion = Verb(lambda on: on.promotions.retry_promotion)

    policy = Verb(lambda on: on.policies.policy)
    set_policy = Verb(lambda on: on.policies.set_policy)
    policy_history = Verb(lambda on: on.policies.policy_history)
    registration_checks = Verb(lambda on: on.policies.registration_checks)
    set_policy_default = Verb(lambda on: on.policies.set_policy_default)
    policy_defaults = Verb(lambda on: on.policies.policy_defaults)
    delete_policy_default = Verb(lambda on: on.policies.delete_policy_default)
    check_rules = Verb(lambda on: on.policies.check_rules)

    run_check = Verb(lambda on: on.checks.run_check)
    rerun_check = Verb(lambda on: on.checks.rerun_check)
    run_checks = Verb(lambda on: on.checks.run_checks)
    judge = Verb(lambda on: on.checks.judge)
    record_verdict = Verb(lambda on: on.checks.record_verdict)
    verdicts = Verb(lambda on: on.checks.verdicts)

    card = Verb(lambda on: on.cards.card)
    write_card = Verb(lambda on: on.cards.write_card)
    renew_card = Verb(lambda on: on.cards.renew_card)
    card_fields = Verb(lambda on: on.cards.card_fields)

    set_datasheet = Verb(lambda on: on.datasets.set_datasheet)
    datasheet = Verb(lambda on: on.datasets.datasheet)
    datasheets = Verb(lambda on: on.datasets.datasheets)
    record_data_verdict = Verb(lambda on: on.datasets.record_data_verdict)
    data_verdicts = Verb(lambda on: on.datasets.data_verdicts)

    set_evaluation = Verb(lambda on: on.evaluations.set_evaluation)
    evaluation = Verb(lambda on: on.evaluations.evaluation)

    keep_profile = Verb(lambda on: on.monitoring.keep_profile)
    profile = Verb(lambda on: on.monitoring.profile)
    measure_drift = Verb(lambda on: on.monitoring.measure_drift)
    drift = Verb(lambda on: on.monitoring.drift)
    drift_result = Verb(lambda on: on.monitoring.drift_result)
    drift_report_text = Verb(lambda on: on.monitoring.drift_report_text)
    alert_drift = Verb(lambda on: on.monitoring.alert_drift)

    lineage = Verb(lambda on: on.lineage.lineage)
    upstream = Verb(lambda on: on.lineage.upstream)
    downstream = Verb(lambda on: on.lineage.downstream)
    unmaterialized = Verb(lambda on: on.lineage.unmaterialized)
    retrain_like = Verb(lambda on: on.lineage.retrain_like)
    diff = Verb(lambda on: on.lineage.diff)
    export_lineage = Verb(lambda on: on.lineage.export_lineage)
    impact = Verb(lambda on: on.lineage.impact)

    stale = Verb(lambda on: on.staleness.stale)

    quarantine = Verb(lambda on: on.quarantine.quarantine)
    release = Verb(lambda on: on.quarantine.release)
    quarantine_version = Verb(lambda on: on.quarantine.quarantine_version)
    release_version = Verb(lambda on: on.quarantine.release_version)
    quarantines = Verb(lambda on: on.quarantine.quarantines)

    delete = Verb(lambda on: on.retention.delete)
    delete_model = Verb(lambda on: on.retention.delete_model)
    restore = Verb(lambda on: on.retention.restore)
    restore_model = Verb(lambda on: on.retention.restore_model)
    retention = Verb(lambda on: on.retention.retention)
    set_retention = Verb(lambda on: on.retention.set_retention)
    hold = Verb(lambda on: on.retention.hold)
    lift_hold = Verb(lambda on: on.retention.lift_hold)

    seal = Verb(lambda on: on.sealing.seal)
    seal_files = Verb(lambda on: on.sealing.seal_files)

    search = Verb(lambda on: on.search.search)

    events = Verb(lambda on: on.events.events)

    stats = Verb(lambda on: on.statistics.stats)

    create_token = Verb(lambda on: on.tokens.create_token)
    tokens = Verb(lambda on: on.tokens.tokens)
    whoami = Verb(lambda on: on.tokens.whoami)
    revoke_token = Verb(lambda on: on.tokens.revoke_token)

    grant_access = Verb(lambda on: on.access.grant_access)
    end_grant = Verb(lambda on: on.access.end_grant)
    revoke_access = Verb(lambda on: on.access.revoke_access)
    access_grants = Verb(lambda on: on.access.access_grants)
    explain_access = Verb(lambda on: on.access.explain_access)
    define_role = Verb(lambda on: on.access.define_role)
    remove_role = Verb(lambda on: on.access.remove_role)
    access_roles = Verb(lambda on: on.access.access_roles)
    create_group = Verb(lambda on: on.access.create_group)
    delete_group = Verb(lambda on: on.access.delete_group)
    add_member = Verb(lambda on: on.access.add_member)
    remove_member = Verb(lambda on: on.access.remove_member)
    access_groups = Verb(lambda on: on.access.access_groups)
    principals = Verb(lambda on: on.people.principals)
    link_person = Verb(lambda on: on.people.link_person)
    unlink_person = Verb(lambda on: on.people.unlink_person)
    set_person_active = Verb(lambda on: on.people.set_person_active)
    end_sessions = Verb(lambda on: on.people.end_sessions)
    erase_person = Verb(lambda on: on.people.erase_person)

    create_webhook = Verb(lambda on: on.webhooks.create_webhook)
    webhooks = Verb(lambda on: on.webhooks.webhooks)
    webhook = Verb(lambda on: on.webhooks.webhook)
    update_webhook = Verb(lambda on: on.webhooks.update_webhook)
    rotate_webhook_secret = Verb(lambda on: on.webhooks.rotate_webhook_secret)
    delete_webhook = Verb(lambda on: on.webhooks.delete_webhook)
    test_webhook = Verb(lambda on: on.webhooks.test_webhook)
    deliveries = Verb(lambda on: on.webhooks.deliveries)
    delivery = Verb(lambda on: on.webhooks.delivery)
    redeliver = Verb(lambda on: on.webhooks.redeliver)

    plan_gc = Verb(lambda on: on.gc.plan_gc)
    gc = Verb(lambda on: on.gc.gc)

    fsck = Verb(lambda on: on.fsck.fsck)
