"""``pedigree token``: made, listed without secrets, revoked."""

from pedigree.access.records import Role
from pedigree.registry import Registry
from tests.cli.conftest import Cli
from tests.identities import ISSUER, see


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


def test_whoami_says_when_the_roles_of_a_claim_were_last_seen(cli: Cli, registry: Registry) -> None:
    assert "seen" not in cli("whoami").out
    see(registry, "tester", roles=(Role.DEPLOYER,), groups=("ml",))
    (known,) = registry.principals(name="tester")
    at = f"{known.identities[0].seen_at:%Y-%m-%d %H:%M:%S}Z"
    assert cli("whoami").out.splitlines()[4:] == [f"seen    deployer, group:ml by {ISSUER}: {at}"]
    (seen,) = cli("whoami", "--json").json["last_seen"]
    assert (seen["roles"], seen["groups"], seen["issuer"]) == (["deployer"], ["ml"], ISSUER)
