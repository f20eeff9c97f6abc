"""The judge decides every cell of the table of rights, and no operation is missing in it."""

from collections.abc import Callable
from typing import NamedTuple

from pedigree.access.grants import SOME, Grant, Target
from pedigree.access.principal import Principal
from pedigree.access.records import PERMISSIONS, Permission, Role
from pedigree.audit.records import Actor
from tests.access.rights import NOBODY, Cell, table
from tests.access.test_permissions import CALLS, LISTS
from tests.server.routes import guarded

ANN = Actor(name="ann", source="token")
OWN, FOREIGN = "churn", "fraud"
# Verbs that list, but of one model or of none.
OF_EVERY_MODEL = {
    *("quarantine", "release", "set_datasheet", "record_data_verdict", "create_webhook"),
    *("delete_webhook", "deliveries", "delivery", "redeliver", "rotate_webhook_secret"),
    *("delete_policy_default", "set_policy_default"),
    *("test_webhook", "update_webhook", "webhook", "webhooks", "gc", "fsck", "plan_gc"),
}
OF_STAGES = {
    *("approve", "override", "promote", "reject", "request_stage", "retry_promotion", "rollback"),
    *("demote", "withdraw_request"),
}


class Need(NamedTuple):
    """What an operation requires of the judge, with a model and a stage."""

    permission: Permission
    model: Callable[[str], Target]
    stage: Callable[[str], Target]
    only_sees: bool = False


def needs() -> dict[str, Need]:
    """What each operation requires, as the operations declare it."""
    found = {}
    for permission, verb in CALLS:
        of_every = verb in OF_EVERY_MODEL or permission in {
            *(Permission.ADMINISTER, Permission.AUDIT, Permission.OPERATE),
        }
        lists = verb in LISTS or verb == "whoami"
        model = _always(SOME) if lists else _always(None) if of_every else _itself
        stage = _itself if verb in OF_STAGES else _always(None)
        found[verb] = Need(permission, model, stage, only_sees=lists)
    for each in guarded():
        declared = each.declared
        of_model = "name" in each.route.param_convertors
        at_door = declared.checks_models
        model = _always(SOME) if at_door else _itself if of_model else _always(None)
        found[f"{each.method} {each.route.path}"] = Need(
            declared.permission, model, _always(SOME), only_sees=at_door
        )
    return found


def _itself(name: str) -> Target:
    return name


def _always(target: Target) -> Callable[[str], Target]:
    return lambda _: target


def decided(need: Need, role: str) -> Cell:
    """The cell that the judge gives."""
    permissions = PERMISSIONS[role] if role != NOBODY else frozenset()
    limited = Grant(permissions=permissions, models=(OWN,))
    every = Grant(permissions=permissions)
    staged = Grant(permissions=permissions, stages=("staging",))

    def may(grant: Grant, model: str, stage: str) -> str:
        principal = Principal(actor=ANN, grants=(grant,))
        return "Y" if principal.may(need.permission, need.model(model), need.stage(stage)) else "N"

    foreign = may(limited, FOREIGN, "staging")
    return Cell(
        may(limited, OWN, "staging"),
        "L" if need.only_sees and foreign == "Y" else foreign,
        may(every, FOREIGN, "production"),
        may(staged, OWN, "staging"),
        may(staged, OWN, "production"),
    )


def test_every_operation_has_a_row_and_every_row_an_operation() -> None:
    assert table().keys() == needs().keys()


def test_every_built_in_role_has_a_column() -> None:
    assert all(row.keys() == {NOBODY, *Role} for row in table().values())


def test_the_judge_decides_every_cell_as_the_table_states() -> None:
    required = needs()
    wrong = [
        (operation, role, "".join(cell), "".join(decided(required[operation], role)))
        for operation, row in table().items()
        for role, cell in row.items()
        if decided(required[operation], role) != cell
    ]
    assert wrong == []
