"""A row of people or their rights that the owner of the database edits is found by its events."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from pedigree.access.records import PERMISSIONS, Permission, Role
from pedigree.audit.export import export, verify_folder
from pedigree.audit.key_history import known_keys
from pedigree.audit.verifier.access import exported_row
from pedigree.audit.verifier.access_states import BUILT_IN, EVENTS
from pedigree.audit.verifier.access_states import TABLES as NAMES
from pedigree.audit.verifier.report import LogReport
from pedigree.audit.verifier.tables import TableReplay
from pedigree.maintenance.exported_tables import TABLES, rows_of_access
from pedigree.maintenance.fsck import fsck
from pedigree.maintenance.queries import SQL
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction
from pedigree.registry import Registry
from pedigree.registry.log_sealing import LogSealing
from tests.audit.event_bodies import require_documented
from tests.audit.sealing import contents, write_key
from tests.identities import AT, ISSUER, see

# The table of each kind of rows, and what no event says about it.
TABLE_OF = {
    "role": ("access_role", set()),
    "group": ("access_group", set()),
    "member": ("access_group_member", set()),
    "grant": ("access_grant", {"last_used_at"}),
    "token": ("access_token", set()),
    "principal": ("principal", set()),
    "identity": ("identity", {"subject", "email", "issued_at", "seen_at"}),
}
# The invariant of fsck that is a query, for each kind.
QUERY_OF = {
    **dict.fromkeys(("role", "group", "member", "grant"), "access_matches_events"),
    "token": "tokens_match_events",
    "identity": "identities_match_events",
}
OTHER = {
    "text": "{0} || 'x'",
    "int8": "{0} + 100",
    "timestamptz": "{0} + interval '1 minute'",
    "_text": "{0} || 'x'::text",
    "bytea": "sha256({0})",
}
SOME = {
    "text": "'x'",
    "int8": "1",
    "timestamptz": "now()",
}


def live(registry: Registry) -> None:
    """Change people and their rights in every way."""
    registry.define_role("curator", [Permission.READ, Permission.DESCRIBE], description="cards")
    registry.define_role("curator", [Permission.READ], description="reads cards")
    registry.define_role("gone", [Permission.READ])
    registry.remove_role("gone")
    for group in ("risk", "gone"):
        registry.create_group(group, description=f"the group {group}")
        registry.add_member(group, "ann")
        registry.grant_access("approver", f"group:{group}", models=["churn*"], reason="case 7")
    registry.delete_group("gone", reason="empty")
    registry.add_member("risk", "Ben")
    registry.remove_member("risk", "\uff22EN")  # a wide letter: the same name
    registry.add_member("risk", "ben")
    registry.grant_access("deployer", "ben", stages=["production"], expires=timedelta(days=1))
    registry.end_grant(registry.grant_access("curator", "ann").grant_id, reason="left")
    for name in ("ann", "ben", "cy", "dee", "eli"):
        see(registry, name, groups=("ml",), models=("churn*",))
        registry.create_token(name, roles=[Role.READER], models=["a*"], expires=timedelta(days=1))
    registry.revoke_token(registry.create_token("ci").token.token_id)
    see(registry, "ann", roles=(Role.DEPLOYER,), issued_at=AT + timedelta(minutes=1))
    registry.link_person("ben", person="ann")
    registry.set_person_active("cy", active=False)
    registry.link_person("cy", person="ann")  # so all three are deactivated, since then
    registry.unlink_person("cy")
    registry.set_person_active("cy", active=True)
    registry.set_person_active("dee", active=False)
    registry.link_person("eli", person="dee")  # whose tokens end, too
    registry.set_person_active("dee", active=True)
    registry.unlink_person("eli")
    registry.end_sessions("cy")
    registry.link_person("dee", issuer=ISSUER, subject="new")
    registry.unlink_person("eli", issuer=ISSUER, subject="eli")


@pytest.fixture
def lived(registry: Registry, tmp_path: Path) -> Registry:
    """A sealed registry with people and rights of every kind."""
    settings = registry.settings.model_copy(
        update={"audit_key": str(write_key(tmp_path / "key.pem"))}
    )
    live(registry)
    sealed = Registry(registry.database, registry.store, settings)
    assert LogSealing(sealed).attempt()[1] == []
    return sealed


def verified(registry: Registry, database: Database, folder: Path) -> LogReport:
    """What the offline verifier finds in an export."""
    export(database, folder, TABLES)
    return verify_folder(folder, [registry.database.read(known_keys)[0].key])


def test_the_rows_of_people_and_rights_are_those_that_the_events_give(
    lived: Registry, tmp_path: Path
) -> None:
    report = verified(lived, lived.database, tmp_path / "export")
    assert (report.problems, report.unchecked) == ([], [])
    rows = [
        json.loads(line) for line in (tmp_path / "export" / "access.jsonl").read_text().splitlines()
    ]
    assert report.access_rows == len(rows)
    assert {row["table"] for row in rows} == set(NAMES)
    assert any("rows of roles" in line for line in report.lines())
    found = lived.fsck()
    assert found.violated == ()
    assert require_documented(lived.events()) >= EVENTS


def test_a_person_that_was_reactivated_and_parted_is_no_false_alarm(registry: Registry) -> None:
    for name in ("dan", "dana"):
        see(registry, name)
        registry.create_token(name, roles=[Role.READER])
    registry.set_person_active("dan", active=False)
    registry.link_person("dan", person="dana")
    registry.set_person_active("dana", active=True)
    registry.unlink_person("dan")
    assert registry.fsck().violated == ()


def test_the_built_in_roles_of_the_verifier_are_those_of_the_registry() -> None:
    assert {name: set(given) for name, given in BUILT_IN.items()} == {
        role.value: {each.value for each in given} for role, given in PERMISSIONS.items()
    }


def test_an_export_without_these_rows_says_that_they_are_not_checked(
    lived: Registry, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    key = [lived.database.read(known_keys)[0].key]
    verified(lived, lived.database, folder)
    rows = folder / "access.jsonl"
    lines = rows.read_text().splitlines()
    for added in ("[", "7", '{"table": "grant"}', '{"table": "x", "key": "1", "row": {}}'):
        rows.write_text("\n".join([*lines, added, ""]))
        assert any("cannot be read" in each for each in verify_folder(folder, key).problems), added
    rows.write_text("\n".join([*lines, lines[0], ""]))
    assert any("it has no event" in each for each in verify_folder(folder, key).problems)
    rows.unlink()
    report = verify_folder(folder, key)
    assert report.problems == []
    assert report.unchecked == ["the tables of roles, groups, grants, tokens and people"]


def test_any_value_that_an_event_states_is_found_if_it_is_edited(
    lived: Registry, database_url: str
) -> None:
    events = contents(lived.database)
    unfound: dict[str, set[str]] = {}
    for kind, (table, _) in TABLE_OF.items():
        unfound[kind] = set()
        for column, statement in statements(lived.database, table):
            with edited(database_url, statement) as transaction:
                offline = problems(events, transaction)
                if not offline:
                    unfound[kind].add(column)
                if kind in QUERY_OF:
                    rows = transaction.execute(SQL[QUERY_OF[kind]]).fetchall()
                    assert bool(rows) == bool(offline), statement
    assert unfound == {kind: unsaid for kind, (_, unsaid) in TABLE_OF.items()}


def statements(database: Database, table: str) -> Iterator[tuple[str, str]]:
    """Changes of each column of a table, in a row that has a value, and in one that has none."""
    columns = database.fetch_all(
        "SELECT column_name AS name, udt_name AS kind, is_nullable = 'YES' AS is_nullable"
        " FROM information_schema.columns WHERE table_schema = 'pedigree' AND table_name = %(t)s",
        {"t": table},
    )
    assert columns
    for column in columns:
        name = f'"{column["name"]}"'
        changes = {f"{name} IS NOT NULL": OTHER[column["kind"]].format(name)}
        if column["is_nullable"]:
            changes[f"{name} IS NULL"] = SOME[column["kind"]]
        for where, value in changes.items():
            place = database.fetch_all(f"SELECT min(ctid) AS c FROM pedigree.{table} WHERE {where}")
            if place[0]["c"] is not None:
                statement = f"UPDATE pedigree.{table} SET {name} = {value} WHERE ctid = "
                yield column["name"], f"{statement}'{place[0]['c']}'"


@contextmanager
def edited(url: str, statement: str) -> Iterator[Transaction]:
    """A transaction in which the owner changed a row, whatever constraints say; it is undone."""
    with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as connection:
        found = connection.execute(
            "SELECT conrelid::regclass::text AS on, format('DROP CONSTRAINT %%I', conname) AS to"
            " FROM pg_constraint WHERE conrelid = ANY (%(tables)s::regclass[]) AND contype = 'c'"
            " UNION ALL SELECT attrelid::regclass::text, format('ALTER %%I DROP IDENTITY', attname)"
            " FROM pg_attribute"
            " WHERE attrelid = ANY (%(tables)s::regclass[]) AND attidentity <> ''",
            {"tables": [f"pedigree.{table}" for table, _ in TABLE_OF.values()]},
        ).fetchall()
        for row in found:
            connection.execute(f"ALTER TABLE {row['on']} {row['to']}")
        connection.execute("SET LOCAL session_replication_role = replica")
        assert connection.execute(statement).rowcount == 1, statement
        yield connection
        connection.rollback()


def problems(events: list[bytes], transaction: Transaction) -> list[str]:
    """What the offline verifier finds in the rows that a transaction sees."""
    report = LogReport()
    replay = TableReplay(report)
    for content in events:
        replay.add(content)
    rows = (json.dumps(exported_row(*row)).encode() for row in rows_of_access(transaction))
    replay.access.compare(rows)
    return report.problems


# What the owner does, as SQL, and the invariant of fsck that it breaks.
ACCESS, TOKENS = "access_matches_events", "tokens_match_events"
PRINCIPALS, IDENTITIES = "principals_match_events", "identities_match_events"
MEMBER = "(SELECT min(ctid) FROM pedigree.access_group_member)"
EDITS = {
    "extend a role": (
        "UPDATE pedigree.access_role SET permissions = permissions || '{move}'::text[]"
        " WHERE name = 'curator'",
        ACCESS,
    ),
    "extend a built-in role": (
        "UPDATE pedigree.access_role SET permissions = permissions || '{move}'::text[]"
        " WHERE name = 'reader'",
        ACCESS,
    ),
    "add a role": (
        "INSERT INTO pedigree.access_role (name, permissions, defined_at, defined_by)"
        " VALUES ('king', '{administer}', now(), 'x')",
        ACCESS,
    ),
    "add a built-in role": (
        "INSERT INTO pedigree.access_role (name, permissions) VALUES ('king', '{administer}')",
        ACCESS,
    ),
    "remove a role": ("DELETE FROM pedigree.access_role WHERE name = 'curator'", ACCESS),
    "add a group": (
        "INSERT INTO pedigree.access_group (name, created_at, created_by) VALUES ('x', now(), 'x')",
        ACCESS,
    ),
    "remove a group": ("DELETE FROM pedigree.access_group", ACCESS),
    "add a member": (
        "INSERT INTO pedigree.access_group_member VALUES ('risk', 'eve', now(), 'x')",
        ACCESS,
    ),
    "rename a member": (
        f"UPDATE pedigree.access_group_member SET member = 'eve' WHERE ctid = {MEMBER}", ACCESS,
    ),
    "remove a member": (
        f"DELETE FROM pedigree.access_group_member WHERE ctid = {MEMBER}", ACCESS,
    ),
    "add a grant": (
        "INSERT INTO pedigree.access_grant (grant_id, principal, role, models, stages, effect,"
        " granted_at, granted_by) VALUES (99, 'eve', 'admin', '{}', '{}', 'allow', now(), 'x')",
        ACCESS,
    ),
    "extend a grant": ("UPDATE pedigree.access_grant SET stages = '{}'", ACCESS),
    "let a grant go on": (
        "UPDATE pedigree.access_grant SET ended_at = NULL, ended_by = NULL", ACCESS,
    ),
    "end a grant": (
        "UPDATE pedigree.access_grant SET ended_at = now(), ended_by = 'x'"
        " WHERE ended_at IS NULL", ACCESS,
    ),
    "remove a grant": ("DELETE FROM pedigree.access_grant WHERE grant_id = 1", ACCESS),
    "add a token": (
        "INSERT INTO pedigree.access_token (principal, secret_hash, roles, created_at, created_by)"
        " VALUES ('eve', sha256('x'), '{admin}', now(), 'x')",
        TOKENS,
    ),
    "give a token another secret": (
        "UPDATE pedigree.access_token SET secret_hash = sha256('x') WHERE token_id = 1", TOKENS,
    ),
    "let a token go on": (
        "UPDATE pedigree.access_token SET revoked_at = NULL, revoked_by = NULL", TOKENS,
    ),
    "revoke a token": (
        "UPDATE pedigree.access_token SET revoked_at = now(), revoked_by = 'x'", TOKENS,
    ),
    "remove a token": ("DELETE FROM pedigree.access_token WHERE token_id = 1", TOKENS),
    "add a principal": (
        "INSERT INTO pedigree.principal (principal_id, name, kind, person_id, created_at)"
        " OVERRIDING SYSTEM VALUE VALUES (99, 'eve', 'person', 99, now())",
        PRINCIPALS,
    ),
    "part two principals": ("UPDATE pedigree.principal SET person_id = principal_id", PRINCIPALS),
    "let somebody in again": ("UPDATE pedigree.principal SET deactivated_at = NULL", PRINCIPALS),
    "let somebody in no longer": (
        "UPDATE pedigree.principal p SET deactivated_at = now() FROM pedigree.identity i"
        " WHERE i.subject = 'cy' AND i.principal_id = p.principal_id",
        PRINCIPALS,
    ),
    "change since when": (
        "UPDATE pedigree.principal SET deactivated_at = now() WHERE deactivated_at IS NOT NULL",
        PRINCIPALS,
    ),
    "give an identity roles": (
        "UPDATE pedigree.identity SET roles = '{admin}' WHERE subject = 'cy'", IDENTITIES,
    ),
    "give an identity another principal": (
        "UPDATE pedigree.identity SET principal_id = 1 WHERE subject = 'cy'", IDENTITIES,
    ),
    "let tokens of an issuer go on": (
        "UPDATE pedigree.identity SET ended_at = NULL WHERE subject = 'cy'", IDENTITIES,
    ),
    "remove an identity": ("DELETE FROM pedigree.identity WHERE subject = 'cy'", IDENTITIES),
}  # fmt: skip


@pytest.mark.system
def test_each_edit_is_found_offline_and_by_fsck(
    lived: Registry,
    database_url: str,
    make_database_url: Callable[..., str],
    tmp_path: Path,
) -> None:
    lived.database.close()
    for number, (what, (statement, invariant)) in enumerate(EDITS.items()):
        copy = make_database_url(template=database_url.rpartition("/")[2].partition("?")[0])
        with psycopg.connect(copy) as owner:
            owner.execute("SET session_replication_role = replica")
            assert owner.execute(statement).rowcount, what
        with Database.connect(copy, connections=2) as database:
            export(database, folder := tmp_path / str(number), TABLES)
            key = database.read(known_keys)[0].key
            found = verify_folder(folder, [key])
            checks = fsck(database, lived.store).checks
        assert found.problems, what
        assert {each.name for each in checks if each.violations} == {invariant}, what
