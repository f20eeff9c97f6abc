"""The file of providers: what is refused when it is read, and which rules may be met by whom."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.access.oidc.globs import matches, overlap
from pedigree.access.oidc.identities import identity_of
from pedigree.access.oidc.provider_file import Providers, read_providers
from pedigree.access.oidc.refusals import NoRuleError
from pedigree.errors import InvalidProviderError

AUDIENCE = "https://registry.example.com"


def provider(*rules: str, kind: str = "oidc", **fields: str) -> str:
    """A provider with rules, in TOML."""
    values = {"audience": f'"{AUDIENCE}"', **fields}
    if kind in ("oidc", "kubernetes"):
        values = {"issuer": '"https://sso.example.com"', **values}
    lines = [f'[[provider]]\nname = "p"\nkind = "{kind}"']
    lines += [f"{name} = {value}" for name, value in values.items()]
    lines += [f"[[provider.rule]]\n{rule}" for rule in rules]
    return "\n".join(lines)


READER = 'roles = ["reader"]'


def rule(roles: str = "contributor", principal: str = "ci", **when: str) -> str:
    """A rule of a workload."""
    conditions = ", ".join(f'{name} = "{value}"' for name, value in when.items())
    return f'principal = "{principal}"\nwhen = {{ {conditions} }}\nroles = ["{roles}"]'


def github(*rules: str) -> str:
    return provider(*rules, kind="github")


def gitlab(*rules: str) -> str:
    return provider(*rules, kind="gitlab")


def kubernetes(*rules: str, **fields: str) -> str:
    return provider(*rules, kind="kubernetes", **fields)


def plain(*rules: str) -> str:
    return provider(*rules, use='"exchange"')


REFUSED = {
    # The file.
    "no TOML": ("provider = [", "not TOML"),
    "an unknown key": (provider(READER, secret="1"), "secret"),
    "an unknown key of a rule": (provider(f"{READER}\nrole = 1"), "role"),
    "an unknown table": ("[[providers]]\n", "providers"),
    "a key twice": (f"{provider(READER)}\n{READER}", "not TOML"),
    "no rule": (provider(), "rule"),
    "no roles": (provider("roles = []"), "roles"),
    "no name of a role": (provider('roles = ["Owner!"]'), "roles"),
    "an unknown kind": (provider(READER, kind="saml"), "kind"),
    "a name with a space": (provider(READER).replace('"p"', '"p p"'), "name"),
    "the same name twice": (f"{provider(READER)}\n{provider(READER)}", "same name"),
    "the same issuer twice": (
        f"{provider(READER)}\n" + provider(READER).replace('name = "p"', 'name = "q"'),
        "same issuer",
    ),
    # The provider.
    "http": (provider(READER, issuer='"http://sso.example.com"'), "https"),
    "http of an inner address": (provider(READER, issuer='"http://10.0.0.1"'), "https"),
    "http of a host like this machine": (
        provider(READER, issuer='"http://localhost.evil.example"'),
        "https",
    ),
    "a password in the issuer": (provider(READER, issuer='"https://a:b@sso.example"'), "https"),
    "a file as an issuer": (provider(READER, issuer='"file:///etc/keys"'), "https"),
    "algorithm none": (provider(READER, algorithms='["none"]'), "algorithms"),
    "algorithm HS256": (provider(READER, algorithms='["HS256"]'), "algorithms"),
    "no algorithm": (provider(READER, algorithms="[]"), "algorithms"),
    "a pattern as the first admin": (
        provider(READER, first_admin='{ email = "*@example.com" }'),
        "name a person",
    ),
    "a workload as the first admin": (
        plain(rule(sub="x")).replace(
            "[[provider.rule]]", 'first_admin = { sub = "x" }\n[[provider.rule]]'
        ),
        "cannot be the first admin",
    ),
    "tokens of a year": (provider(READER, longest_lifetime='"365d"'), "longest_lifetime"),
    "the issuer as the audience": (
        provider(READER, audience='"https://sso.example.com"'),
        "not ours alone",
    ),
    "the audience of a cluster": (
        kubernetes(rule(sub="system:serviceaccount:ml:trainer")).replace(
            AUDIENCE, "https://kubernetes.default.svc"
        ),
        "not ours alone",
    ),
    "a file of keys that is not there": (provider(READER, jwks_file='"/no/file"'), "jwks_file"),
    "a token for keys of the internet": (
        provider(READER, bearer_file=f'"{__file__}"'),
        "bearer_file",
    ),
    "a workload's tokens as bearer tokens": (
        kubernetes(rule(sub="system:serviceaccount:ml:trainer"), use='"bearer"'),
        "exchanged",
    ),
    # Conditions.
    "a regular expression that explodes": (plain(rule(sub="^(a+)+$")), "not a pattern"),
    "a regular expression": (plain(rule(sub="repo:o/r:.*")), "not a pattern"),
    "an empty pattern": (plain(rule(sub="")), "not a pattern"),
    "one name for everybody": (
        provider('principal = "everybody"\nroles = ["reader"]'),
        "everybody one name",
    ),
    "two names of one workload": (
        plain(rule(sub="a", principal="one"), rule(sub="a", principal="other")),
        "another principal",
    ),
    "two names of one workload by patterns": (
        github(
            rule("reader", "one", repository_id="1", ref="refs/heads/*"),
            rule("reader", "other", repository_id="1", ref="*/main"),
        ),
        "another principal",
    ),
    "two names of a person of two groups": (
        provider(
            rule("reader", "one-{sub}", groups="a"), rule("reader", "other-{sub}", groups="b")
        ),
        "another principal",
    ),
    "an admin": (
        github(rule("admin", repository_id="1", ref="refs/heads/main")),
        "must not create tokens",
    ),
    # GitHub.
    "a repository by its name": (
        github(rule("reader", repository="o/r")),
        "can be taken over",
    ),
    "any repository": (github(rule("reader", repository_id="*")), "can be taken over"),
    "an owner's forks": (github(rule(repository_owner_id="7", ref="refs/heads/main")), "fork"),
    "pull requests": (github(rule(repository_id="1")), "pull request"),
    "pull requests by ref": (github(rule(repository_id="1", ref="refs/*")), "pull request"),
    "pull requests by any ref": (github(rule(repository_id="1", ref="*/main")), "refs/pull/*"),
    "pull requests by sub": (
        github(rule(repository_id="1", environment="prod", sub="repo:o/r:*")),
        "pull request",
    ),
    "pull requests by event": (
        github(rule(repository_id="1", ref="refs/heads/main", event_name="pull_request_target")),
        "pull request",
    ),
    "comments on pull requests": (
        github(rule(repository_id="1", ref="refs/heads/main", event_name="issue_comment")),
        "pull request",
    ),
    "any event": (
        github(rule(repository_id="1", ref="refs/heads/main", event_name="*")),
        "pull request",
    ),
    # GitLab.
    "a project by its path": (gitlab(rule("reader", project_path="g/p")), "can be taken over"),
    "a namespace's forks": (gitlab(rule(namespace_id="7", ref="main")), "fork"),
    "merge requests": (gitlab(rule(project_id="1")), "merge request"),
    "merge requests by source": (
        gitlab(rule(project_id="1", ref="main", pipeline_source="merge_request_event")),
        "pull request",
    ),
    "merge requests by ref": (gitlab(rule(project_id="1", ref="*")), "pull request"),
    # Kubernetes and others.
    "any service account": (kubernetes(rule(sub="system:serviceaccount:*")), "namespace"),
    "any namespace": (kubernetes(rule(sub="system:serviceaccount:*:trainer")), "namespace"),
    "no service account": (kubernetes(rule(sub="system:node:a")), "namespace"),
    "without a subject": (kubernetes(rule(pod="x")), "namespace"),
    "any subject": (plain(rule(sub="repo:*")), "condition on sub"),
    "without any subject": (plain(rule(team="ml")), "condition on sub"),
}

ACCEPTED = {
    "people": provider(READER),
    "people by mail": provider(READER, principal='"{email}"'),
    "people by groups": provider(
        rule("deployer", "{sub}", groups="a"), READER, principal='"{sub}"'
    ),
    "an issuer on this machine": provider(READER, issuer='"http://127.0.0.1:8080/realms/x"'),
    "a branch": github(rule(repository_id="1", ref="refs/heads/main")),
    "tags of an owner's repository": github(
        rule(repository_owner_id="7", repository="o/r", ref="refs/tags/v*")
    ),
    "an environment": github(rule(repository_id="1", environment="prod")),
    "pull requests that read": github(rule("reader", repository_owner_id="7")),
    "two branches of two names": github(
        rule(repository_id="1", ref="refs/heads/main", principal="one"),
        rule(repository_id="1", ref="refs/heads/next", principal="other"),
    ),
    "a protected branch": gitlab(rule(project_id="1", ref_protected="true")),
    "a namespace of a cluster": kubernetes(rule(sub="system:serviceaccount:ml:*")),
    "a workload of another issuer": plain(rule(sub="org:o/pipeline:p")),
}


def read(text: str, folder: Path) -> Providers:
    file = folder / "oidc.toml"
    file.write_text(text)
    return read_providers(file)


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_is_refused_when_it_is_read(tmp_path: Path, what: str) -> None:
    text, why = REFUSED[what]
    with pytest.raises(InvalidProviderError) as refused:
        read(text, tmp_path)
    assert why in str(refused.value), refused.value
    assert refused.value.field == "PEDIGREE_OIDC"
    assert refused.value.remedy


@pytest.mark.parametrize("what", ACCEPTED)
def test_a_file_is_accepted(tmp_path: Path, what: str) -> None:
    assert read(ACCEPTED[what], tmp_path).providers


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidProviderError, match="cannot be read"):
        read_providers(tmp_path / "none")
    with pytest.raises(InvalidProviderError, match="more than"):
        read("#" * (300 << 10), tmp_path)


GITHUB: dict[str, Any] = {
    "sub": "repo:o/r:ref:refs/heads/main",
    "repository_id": "1",
    "repository_owner_id": "7",
    "repository": "o/r",
    "ref": "refs/heads/main",
    "event_name": "push",
    "iat": 1e9,
    "exp": 4e9,
}
UNTRUSTED = [
    *("pull_request", "pull_request_target", "pull_request_review", "issue_comment"),
    *("workflow_run", "fork", "issues", "discussion", "check_run", "merge_group", "", None),
]


@pytest.mark.parametrize("event", UNTRUSTED)
def test_no_event_that_others_cause_meets_a_rule_that_grants_more_than_reading(
    tmp_path: Path, event: str | None
) -> None:
    ref = rule(repository_id="1", ref="refs/heads/main")
    environment = rule(repository_id="1", environment="prod")
    for text in (ref, environment):
        (found,) = read(github(text), tmp_path).providers
        claims = {**GITHUB, "environment": "prod"}
        assert identity_of(claims, found).principal == "ci"
        with pytest.raises(NoRuleError):
            identity_of({**claims, "event_name": event}, found)


def test_a_pull_request_meets_a_rule_that_grants_reading(tmp_path: Path) -> None:
    rules = (
        rule(repository_id="1", ref="refs/heads/main"),
        rule("reader", "ci-pull-request", repository_id="1", event_name="pull_request"),
    )
    with pytest.raises(InvalidProviderError, match="another principal"):
        read(github(*rules), tmp_path)
    apart = (rule(repository_id="1", ref="refs/heads/main", event_name="push"), rules[1])
    (found,) = read(github(*apart), tmp_path).providers
    pull = {**GITHUB, "event_name": "pull_request", "ref": "refs/pull/1/merge"}
    assert identity_of(pull, found).principal == "ci-pull-request"
    with pytest.raises(NoRuleError):
        identity_of({**pull, "repository_id": "2"}, found)


@pytest.mark.parametrize("source", ["merge_request_event", "external_pull_request_event", None])
def test_no_merge_request_meets_a_rule_that_grants_more_than_reading(
    tmp_path: Path, source: str | None
) -> None:
    (found,) = read(gitlab(rule(project_id="1", ref="main")), tmp_path).providers
    claims: dict[str, Any] = {"sub": "x", "project_id": "1", "ref": "main", "iat": 1e9, "exp": 4e9}
    assert identity_of({**claims, "pipeline_source": "push"}, found).principal == "ci"
    with pytest.raises(NoRuleError):
        identity_of({**claims, "pipeline_source": source}, found)


def test_a_mail_that_is_not_verified_names_nobody(tmp_path: Path) -> None:
    (found,) = read(ACCEPTED["people by mail"], tmp_path).providers
    claims: dict[str, Any] = {"sub": "1", "email": "ann@example.com", "iat": 1e9, "exp": 4e9}
    assert identity_of({**claims, "email_verified": True}, found).principal == "ann@example.com"
    for value in (False, None, "true", 1):
        with pytest.raises(NoRuleError, match="not verified"):
            identity_of({**claims, "email_verified": value}, found)


@pytest.mark.parametrize(
    "name", ["Sensor:x", "service:reconciler", " ann", "", "a" * 257, "ann\u202e", 7]
)
def test_a_claim_that_is_no_name_names_nobody(tmp_path: Path, name: object) -> None:
    (found,) = read(provider(READER, principal='"{user}"'), tmp_path).providers
    with pytest.raises(NoRuleError):
        identity_of({"sub": "1", "user": name, "iat": 1e9, "exp": 4e9}, found)  # type: ignore[dict-item]


LETTERS = st.text(alphabet="ab*", max_size=6)


@given(LETTERS, LETTERS, st.text(alphabet="ab", max_size=8))
def test_patterns_that_share_a_text_overlap(one: str, other: str, text: str) -> None:
    if matches(text, [one]) and matches(text, [other]):
        assert overlap([one], [other])
    assert overlap([one], [other]) == overlap([other], [one])


@given(LETTERS, LETTERS)
def test_patterns_that_overlap_share_a_text(one: str, other: str) -> None:
    from itertools import product

    # The shortest common text has at most the letters of both.
    most = len(one.replace("*", "")) + len(other.replace("*", ""))
    texts = ("".join(each) for n in range(most + 1) for each in product("ab", repeat=n))
    if most <= 8:
        shared = any(matches(text, [one]) and matches(text, [other]) for text in texts)
        assert overlap([one], [other]) == shared


def test_the_audiences_of_a_cluster_are_compared_without_a_slash(tmp_path: Path) -> None:
    text = kubernetes(rule(sub="system:serviceaccount:ml:trainer"))
    with pytest.raises(InvalidProviderError, match="not ours alone"):
        read(text.replace(AUDIENCE, "https://kubernetes.default.svc/"), tmp_path)
