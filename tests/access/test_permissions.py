"""Every operation requires a permission: each verb refuses a user without it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from pedigree.access.grants import Grant
from pedigree.access.principal import Principal
from pedigree.access.records import Permission, Role
from pedigree.artifacts.records import digest_of
from pedigree.artifacts.statistics import RegistryStatistics
from pedigree.audit.records import Actor
from pedigree.datasets.records import Datasheet, DataVerdict
from pedigree.errors import NotFoundError, NotPermittedError, PedigreeError
from pedigree.evaluation.records import Evaluation, GroupResult, Task
from pedigree.lifecycle.impact_records import Impact
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import Policy, RetentionRule, Verdict
from pedigree.maintenance.gc_plan import Plan
from pedigree.registry import Registry
from tests.factories import artifact, new_version, register
from tests.lazy import lazy

pd = lazy("pandas")
profiles = lazy("pedigree.monitoring.profile")

VERBS = Path(__file__).parents[1] / "surface" / "verbs.txt"
OF_THE_PROCESS = {"acting_as", "actor", "close", "connect"}
ANN = Actor(name="ann", source="token")
EVALUATION = Evaluation(
    task=Task.BINARY, overall=GroupResult(group="overall", count=2, metrics={"accuracy": 0.5})
)
VERDICT = Verdict(check="own", passed=True, digest=digest_of(b"a"), summary="as good as before")
DATA_VERDICT = DataVerdict(asset="raw", check="expectations", passed=True, summary="2 of 2")

# The arguments of each verb, by its permission; each verb of the contract is here once.
TAKES: dict[Permission, dict[str, tuple[object, ...]]] = {
    Permission.READ: {
        **dict.fromkeys(
            (
                *("get", "trainings", "environment", "candidacies", "card", "card_fields"),
                *("decisions", "downstream", "drift", "evaluation", "folder", "lineage", "load"),
                "overrides",
                *("manifest", "presign", "profile", "renew_card", "retrain_like", "snippets"),
                *("stale", "tenures", "upstream", "verdicts", "verify"),
            ),
            ("churn/1",),
        ),
        **dict.fromkeys(
            (
                *("champion", "model", "policy", "policy_history", "registration_checks"),
                *("retention", "stage_requests", "timeline", "versions"),
            ),
            ("churn",),
        ),
        **dict.fromkeys(
            (
                *("each_model", "events", "models", "quarantines", "search", "stats"),
                *("unmaterialized", "whoami"),
            ),
            (),
        ),
        "as_of": ("churn", datetime.now(UTC)),
        "check_rules": ("churn", "artifact_intact"),
        "compare": ("churn/1", "churn/1"),
        "data_verdicts": ((),),
        "datasheet": ("raw",),
        "datasheets": (["raw"],),
        "diff": ("churn/1", "churn/1"),
        "drift_report_text": (1,),
        "drift_result": (1,),
        "explain": ("churn/1", "staging"),
        "export_lineage": ("churn/1", "prov"),
        "holder": ("churn", "production"),
        "impact": ("raw",),
        "stream": ("churn/1", "model.bin"),
    },
    Permission.REGISTER: {
        "begin_upload": ("churn", ()),
        "create_model": ("churn",),
        "end_upload": ("churn", uuid4()),
        "rename_model": ("churn", "churned"),
        "register_files": ("churn", (), new_version()),
        "seal_files": ("churn/1", ()),
        "upload": ("churn", uuid4()),
    },
    Permission.DESCRIBE: {
        "delete_tag": ("churn", "team"),
        "set_tag": ("churn/1", "team", "growth"),
        "set_datasheet": ("raw", Datasheet(motivation="to learn")),
        "set_evaluation": ("churn/1", EVALUATION),
        "update": ("churn/1",),
        "update_model": ("churn",),
        "write_card": ("churn/1",),
    },
    Permission.REQUEST: {
        "request_stage": ("churn/1", "staging"),
        "withdraw_request": ("churn/1", "staging"),
    },
    Permission.MOVE: {
        "delete_alias": ("churn", "best"),
        "demote": ("churn/1",),
        "promote": ("churn/1", "staging"),
        "retry_promotion": ("churn/1", "staging"),
        "rollback": ("churn",),
        "set_alias": ("churn", "best", 1),
    },
    Permission.DECIDE: {
        "approve": ("churn/1", "staging"),
        "reject": ("churn/1", "staging"),
    },
    Permission.OVERRIDE: {
        "override": ("churn/1", "staging"),
    },
    Permission.QUARANTINE: {
        "quarantine": ("raw",),
        "quarantine_version": ("churn/1",),
        "release": ("raw",),
        "release_version": ("churn/1",),
    },
    Permission.JUDGE: {
        "alert_drift": (1,),
        "judge": ("churn/1",),
        "record_data_verdict": (DATA_VERDICT,),
        "record_verdict": ("churn/1", VERDICT),
        "rerun_check": ("churn/1", "artifact_intact"),
        "run_check": ("churn/1", "artifact_intact"),
        "run_checks": ("churn/1",),
    },
    Permission.GOVERN: {
        "hold": ("churn/1",),
        "lift_hold": ("churn/1",),
        "delete_policy_default": ("risk-*",),
        "set_policy": ("churn", default_policy()),
        "set_policy_default": ("risk-*", default_policy()),
        "set_retention": ("churn", RetentionRule()),
    },
    Permission.DELETE: {
        "delete": ("churn/1",),
        "delete_model": ("churn",),
        "restore": ("churn/1",),
        "restore_model": ("churn",),
    },
    Permission.CONFIGURE: {
        "create_webhook": ("https://example.com/hook",),
        **dict.fromkeys(
            (
                *("delete_webhook", "rotate_webhook_secret", "test_webhook"),
                "update_webhook",
            ),
            (1,),
        ),
        "redeliver": (1, 1),
    },
    Permission.OPERATE: {
        "fsck": (),
        "plan_gc": (),
    },
    Permission.ADMINISTER: {
        "add_member": ("risk", "bob"),
        "create_group": ("risk",),
        "create_token": ("ci",),
        "define_role": ("looker", (Permission.READ,)),
        "delete_group": ("risk",),
        "end_grant": (1,),
        "grant_access": ("reader", "bob"),
        "remove_member": ("risk", "bob"),
        "remove_role": ("looker",),
        "revoke_access": ("bob",),
        "revoke_token": (1,),
        **dict.fromkeys(("end_sessions", "link_person", "set_person_active"), ("ann",)),
        "erase_person": ("bob",),
        "unlink_person": ("ann",),
    },
    Permission.AUDIT: {
        "principals": (),
        "access_grants": (),
        "access_groups": (),
        "access_roles": (),
        "deliveries": (1,),
        "delivery": (1, 1),
        "explain_access": ("bob",),
        "policy_defaults": (),
        "tokens": (),
        "webhook": (1,),
        "webhooks": (),
    },
}
NAMED = {
    "approve": {"comment": "fine"},
    "create_token": {"roles": [Role.READER]},
    "delete": {"reason": "a mistake"},
    "delete_model": {"reason": "a mistake"},
    "hold": {"reason": "case 7"},
    "link_person": {"person": "ben"},
    "set_person_active": {"active": False},
    "override": {"reason": "urgent"},
    "quarantine": {"reason": "doubled rows"},
    "quarantine_version": {"reason": "unfair"},
    "release": {"whole_asset": True},
    "reject": {"comment": "unfair"},
}


def ages() -> Any:
    """A frame of numbers."""
    return pd.DataFrame({"age": range(200)})


def collect_nothing(registry: Registry, _: Path) -> None:
    with closing(Plan()) as plan:
        registry.gc(plan)


def keep_profile(registry: Registry, _: Path) -> None:
    registry.keep_profile("churn/1", profiles.profile(ages()))


def measure_drift(registry: Registry, _: Path) -> None:
    registry.measure_drift("churn/1", ages() + 300, asset="raw")


# These need files or data of their own: they are called with a folder.
WITH_FILES: dict[str, tuple[Permission, Callable[[Registry, Path], object]]] = {
    "gc": (Permission.OPERATE, collect_nothing),
    "keep_profile": (Permission.DESCRIBE, keep_profile),
    "measure_drift": (Permission.JUDGE, measure_drift),
    "pull": (Permission.READ, lambda r, f: r.pull("churn/1", f / "pulled")),
    "register": (
        Permission.REGISTER,
        lambda r, f: r.register("churn", artifact(f, "b"), new_version()),
    ),
    "seal": (
        Permission.REGISTER,
        lambda r, f: r.seal("churn/1", artifact(f / "sealed", "a")),
    ),
    "register_model": (
        Permission.REGISTER,
        lambda r, f: r.register_model(
            "churn", artifact(f, "c"), flavor="generic", verify=False, run_id="r"
        ),
    ),
}
CALLS = [
    *((permission, verb) for permission, verbs in TAKES.items() for verb in verbs),
    *((permission, verb) for verb, (permission, _) in WITH_FILES.items()),
]

# These list what the user may use, and are not refused.
LISTS = {
    *("each_model", "events", "models", "search"),
    *("data_verdicts", "datasheet", "datasheets", "impact", "quarantines", "stats"),
    "unmaterialized",
}


def call(registry: Registry, verb: str, permission: Permission, folder: Path) -> None:
    """Call a verb, and consume its result."""
    if verb in WITH_FILES:
        WITH_FILES[verb][1](registry, folder)
        return
    result = getattr(registry, verb)(*TAKES[permission][verb], **NAMED.get(verb, {}))
    if isinstance(result, Iterator):
        next(result, None)
    if isinstance(result, Plan):
        result.close()


@pytest.fixture
def filled(registry: Registry, tmp_path: Path) -> Registry:
    register(registry, tmp_path, "a")
    keep_profile(registry, tmp_path)
    measure_drift(registry, tmp_path)
    return registry


def test_every_verb_is_tried() -> None:
    verbs = {line.partition("(")[0] for line in VERBS.read_text().splitlines()}
    assert sorted(verb for _, verb in CALLS) == sorted(verbs - OF_THE_PROCESS)


def test_every_verb_refuses_a_user_without_its_permission(filled: Registry, tmp_path: Path) -> None:
    missed = []
    for permission, verb in CALLS:
        others = frozenset(Permission) - {permission}
        for held in ({Permission.READ} & others, others):
            used = filled.acting_as(ANN, permissions=held)
            try:
                call(used, verb, permission, tmp_path)
            except NotPermittedError as error:
                if f"requires the permission {permission}" in error.message:
                    continue
                missed.append((verb, held, error.message))
            except PedigreeError as error:
                missed.append((verb, held, str(error)))
            else:
                missed.append((verb, held, "was done"))
    assert missed == []


def shows_nothing(registry: Registry, verb: str) -> bool:
    """Whether what a verb lists has nothing of any model."""
    try:
        found = getattr(registry, verb)(*TAKES[Permission.READ][verb])
    except NotFoundError:
        return True
    match found:
        case RegistryStatistics():
            return found.models == found.versions == found.blobs == 0
        case Impact():
            return found.none
    return not [*found]


def test_every_verb_refuses_a_model_that_the_user_may_not_use(
    filled: Registry, tmp_path: Path
) -> None:
    used = filled.acting_as(ANN, sees=["other*"])
    for permission, verb in CALLS:
        if verb == "whoami":
            assert used.whoami().models == ("other*",), "the caller is not a model"
            continue
        if verb in LISTS:
            assert shows_nothing(used, verb), verb
            continue
        with pytest.raises(NotPermittedError, match=r"limited to (some|the) models"):
            call(used, verb, permission, tmp_path)


def test_every_verb_accepts_a_user_with_its_permission(filled: Registry, tmp_path: Path) -> None:
    for permission, verb in CALLS:
        used = filled.acting_as(ANN, permissions={Permission.READ, permission})
        try:
            call(used, verb, permission, tmp_path)
        except NotPermittedError as error:
            raise AssertionError(f"{verb} was refused: {error}") from error
        except PedigreeError:
            continue  # it was let in, and found something else to say


def test_may_checks_the_permission_the_model_and_the_people_of_a_rule() -> None:
    moves = Grant(permissions=frozenset({Permission.MOVE}), models=("churn*",))
    ann = Principal(actor=ANN, grants=(moves,))
    rule = default_policy().stages[0].model_copy(update={"promoters": ("bob", "*@risk.example")})
    assert ann.may(Permission.MOVE, "churn-eu")
    assert not ann.may(Permission.MOVE, "fraud")
    assert not ann.may(Permission.MOVE)
    assert not ann.may(Permission.DECIDE, "churn-eu")
    assert not ann.may(Permission.MOVE, "churn-eu", rule.name, rule)
    assert ann.named(Actor(name="bob", source="token")).may(
        Permission.MOVE, "churn-eu", rule.name, rule
    )
    governed = Policy(stages=default_policy().stages, editors=("ann",))
    governor = Principal(actor=ANN)
    assert governor.may(Permission.GOVERN, "churn", restriction=governed)
    assert not governor.named(Actor(name="eve", source="token")).may(
        Permission.GOVERN, "churn", restriction=governed
    )
