"""``pedigree token``: made, listed without secrets, revoked."""

from tests.cli.conftest import Cli


def test_a_token_is_made_listed_and_revoked(cli: Cli) -> None:
    made = cli("token", "create", "ci", "--role", "contributor", "--model", "churn*", "--json").json
    assert made["secret"].startswith("pdg_")
    assert made["token"]["models"] == ["churn*"]
    (listed,) = cli("token", "list", "--json").items
    assert listed == made["token"]
    revoked = cli("token", "revoke", listed["token_id"], "--json").json
    assert revoked["revoked_by"] == "tester"


def test_people_see_the_secret_once_and_never_in_the_list(cli: Cli) -> None:
    shown = cli("token", "create", "ci", "--role", "reader", "--expires", "never").out
    secret = shown.splitlines()[0]
    assert secret.startswith("pdg_")
    listed = cli("token", "list").out
    assert "ci" in listed
    assert secret not in listed


def test_a_wrong_role_or_time_is_named(cli: Cli) -> None:
    wrong = cli("token", "create", "ci", "--role", "king", "--json")
    assert (wrong.code, wrong.error["field"], wrong.error["value"]) == (2, "roles", "king")
    wrong = cli("token", "create", "ci", "--role", "reader", "--expires", "0", "--json")
    assert (wrong.code, wrong.error["field"]) == (2, "--expires")
    assert cli("token", "revoke", "9", "--json").error["type"] == "TokenNotFoundError"
