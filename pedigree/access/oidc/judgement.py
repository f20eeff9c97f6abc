"""What a provider and its rules must not be: each such mistake gives somebody rights by accident.

A signature and an audience say nothing about a workload: a pull request and a fork have tokens of
the same key with the same audience. Only conditions on claims tell them apart.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from pedigree.access.oidc.claims import may_both_hold, names_in
from pedigree.access.oidc.globs import is_exact, overlap
from pedigree.access.oidc.providers import (
    IdentitySource,
    Provider,
    ProviderKind,
    ProviderRule,
    TokenUse,
)
from pedigree.access.records import Permission, permitted
from pedigree.errors import InvalidProviderError

# What triggers a run that nobody from outside can cause, and that runs a commit of the repository.
TRUSTED_EVENTS = (
    *("push", "schedule", "workflow_dispatch", "repository_dispatch", "release", "deployment"),
)
# As GitLab says it. A pipeline of a parent or of another project may come from a merge request.
TRUSTED_SOURCES = ("push", "web", "schedule", "api", "trigger")

# The audiences of the API servers of clusters: every workload has a token for them.
_OF_CLUSTERS = (
    *("kubernetes", "https://kubernetes.default", "https://kubernetes.default.svc"),
    *("https://kubernetes.default.svc.cluster.local", "api"),
)
_SERVICE_ACCOUNT = "system:serviceaccount:"


def require_sound(provider: Provider, others: Iterable[Provider]) -> None:
    """Require that a provider gives nobody rights by accident.

    Args:
        provider: The provider.
        others: The providers before it.

    Raises:
        InvalidProviderError: It does; the message names the provider, the rule and the remedy.
    """
    for other in others:
        if other.name == provider.name:
            raise wrong(provider, "another provider has the same name")
        if (other.issuer, other.use) == (provider.issuer, provider.use):
            raise wrong(provider, f"the provider {other.name} has the same issuer")
    _require_issuer(provider)
    require_first_admin(provider)
    _require_audience(provider)
    if provider.kind is not ProviderKind.OIDC and provider.use is not TokenUse.EXCHANGE:
        raise wrong(
            provider, 'tokens of workloads are exchanged: leave out use, or write "exchange"'
        )
    for rule in provider.rules:
        require_rule(provider, rule)
    require_one_name(provider)


def _require_issuer(provider: Provider) -> None:
    if not is_guarded(provider.issuer):
        raise wrong(provider, "the issuer must be https://…, or http:// on this machine")
    if provider.bearer_file is not None and provider.kind is not ProviderKind.KUBERNETES:
        raise wrong(provider, "only a provider of kind kubernetes has a bearer_file")


def is_guarded(url: str) -> bool:
    """Return whether a URL is of TLS, or of the loopback interface.

    >>> is_guarded("https://sso.example"), is_guarded("http://127.0.0.1:80/x")
    (True, True)
    >>> is_guarded("http://sso.example"), is_guarded("https://ann:pw@sso.example")
    (False, False)
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or port == 0 or "@" in parts.netloc or parts.fragment or not url.isascii():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_here(host))


def is_here(host: str) -> bool:
    """Return whether a host is this machine, by its own name or by an address of loopback."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_audience(provider: Provider) -> None:
    named = (provider.audience, *provider.other_audiences)
    clusters = [each for each in named if each.rstrip("/") in _OF_CLUSTERS]
    if clusters or provider.issuer in named:
        raise wrong(
            provider,
            f"the audience {(clusters or [provider.issuer])[0]} is not ours alone: every token of"
            " the provider may have it",
        )


def require_rule(provider: IdentitySource, rule: ProviderRule) -> None:
    """Require that a rule gives nobody rights by accident.

    Raises:
        InvalidProviderError: It does.
    """
    if not names_in(rule.principal or provider.principal) and not rule.when:
        raise wrong(provider, "a rule without a condition gives everybody one name", rule)
    if provider.use is not TokenUse.EXCHANGE:
        return
    if Permission.ADMINISTER in permitted(rule.roles):
        raise wrong(
            provider, "a workload must not create tokens, which would outlive its own", rule
        )
    match provider.kind:
        case ProviderKind.GITHUB:
            _require_of_github(provider, rule)
        case ProviderKind.GITLAB:
            _require_of_gitlab(provider, rule)
        case ProviderKind.KUBERNETES:
            _require_of_kubernetes(provider, rule)
        case ProviderKind.OIDC:
            if not rule.only_reads and not _pins(rule, "sub"):
                raise wrong(
                    provider, "more than reading requires a condition on sub without *", rule
                )


def _require_of_github(provider: IdentitySource, rule: ProviderRule) -> None:
    if not _pins(rule, "repository_id") and not _pins(rule, "repository_owner_id"):
        raise wrong(
            provider,
            "needs a condition on repository_id or repository_owner_id without *: a name can be"
            " taken over",
            rule,
        )
    if rule.only_reads:
        return
    if not _pins(rule, "repository_id") and not _pins(rule, "repository"):
        raise wrong(
            provider,
            "could be met by a fork of the same owner: more than reading requires a condition on"
            " repository_id, or on repository beside the owner's id",
            rule,
        )
    if not rule.wanted("ref") and not rule.wanted("environment"):
        raise wrong(
            provider,
            "could be met by a pull request: more than reading requires a condition on ref or"
            " environment",
            rule,
        )
    _require_apart(provider, rule, "ref", ("refs/pull/*",))
    _require_apart(provider, rule, "sub", ("repo:*:pull_request",))
    _require_among(provider, rule, "event_name", TRUSTED_EVENTS)


def _require_of_gitlab(provider: IdentitySource, rule: ProviderRule) -> None:
    if not _pins(rule, "project_id") and not _pins(rule, "namespace_id"):
        raise wrong(
            provider,
            "needs a condition on project_id or namespace_id without *: a path can be taken over",
            rule,
        )
    if rule.only_reads:
        return
    if not _pins(rule, "project_id"):
        raise wrong(
            provider,
            "could be met by a fork in the same namespace: more than reading requires a condition"
            " on project_id",
            rule,
        )
    if not rule.wanted("ref") and not rule.wanted("environment") and not _protects(rule):
        raise wrong(
            provider,
            "could be met by a merge request: more than reading requires a condition on ref,"
            " ref_protected or environment",
            rule,
        )
    _require_apart(provider, rule, "ref", ("refs/merge-requests/*",))
    _require_among(provider, rule, "pipeline_source", TRUSTED_SOURCES)


def _require_of_kubernetes(provider: IdentitySource, rule: ProviderRule) -> None:
    subjects = [str(each) for each in rule.wanted("sub")]
    if not subjects or not all(map(_names_namespace, subjects)):
        raise wrong(
            provider,
            f"needs a condition on sub such as {_SERVICE_ACCOUNT}training:* with a namespace"
            " without *",
            rule,
        )


def _names_namespace(subject: str) -> bool:
    namespace, _, account = subject.removeprefix(_SERVICE_ACCOUNT).partition(":")
    return subject.startswith(_SERVICE_ACCOUNT) and is_exact(namespace) and bool(account)


def _pins(rule: ProviderRule, name: str) -> bool:
    """Return whether a claim has a condition that only whole values meet."""
    wanted = rule.wanted(name)
    return bool(wanted) and all(isinstance(each, str) and is_exact(each) for each in wanted)


def _protects(rule: ProviderRule) -> bool:
    return rule.wanted("ref_protected") == ("true",)


def _require_apart(
    provider: IdentitySource, rule: ProviderRule, name: str, foreign: tuple[str, ...]
) -> None:
    wanted = [str(each) for each in rule.wanted(name)]
    if overlap(wanted, foreign):
        raise wrong(provider, f"could be met by a pull request: {name} could be {foreign[0]}", rule)


def _require_among(
    provider: IdentitySource, rule: ProviderRule, name: str, trusted: tuple[str, ...]
) -> None:
    for value in rule.wanted(name):
        if value not in trusted:
            raise wrong(
                provider,
                f"could be met by a pull request: {name} could be {value}; more than reading"
                f" allows {', '.join(trusted)}",
                rule,
            )


def require_one_name(provider: IdentitySource) -> None:
    """Refuse two rules that one token could meet and that give it different names.

    Raises:
        InvalidProviderError: There are such rules.
    """
    for number, rule in enumerate(provider.rules):
        for earlier in provider.rules[:number]:
            names = {each.principal or provider.principal for each in (earlier, rule)}
            if len(names) > 1 and _may_both_be_met(earlier, rule, provider):
                raise wrong(
                    provider,
                    f"one token could meet it and the rule {provider.rules.index(earlier) + 1},"
                    " which gives another principal",
                    rule,
                )


def require_first_admin(provider: IdentitySource) -> None:
    """Require that the first admin is named, if anybody is.

    Raises:
        InvalidProviderError: A condition has a pattern, or a workload could be the admin.
    """
    values = [each for wanted in provider.first_admin.values() for each in wanted]
    if not all(isinstance(each, str) and is_exact(each) for each in values):
        raise wrong(provider, "first_admin needs whole values without *, which name a person")
    if values and provider.use is TokenUse.EXCHANGE:
        raise wrong(provider, "a workload cannot be the first admin")


def _may_both_be_met(one: ProviderRule, other: ProviderRule, provider: IdentitySource) -> bool:
    shared = one.when.keys() & other.when.keys()
    if provider.kind is ProviderKind.OIDC:
        # Any other claim may be a list, such as groups, which meets two rules at once.
        shared &= {"sub"}
    return all(may_both_hold(one.when[name], other.when[name]) for name in shared)


def wrong(
    provider: IdentitySource, message: str, rule: ProviderRule | None = None
) -> InvalidProviderError:
    """Return the error about a mistake in a provider, or in one of its rules."""
    place = "" if rule is None else f", rule {provider.rules.index(rule) + 1}"
    return InvalidProviderError(
        f"provider {provider.name}{place}: {message}",
        field="PEDIGREE_OIDC",
        value=provider.issuer,
        remedy="Correct the file; docs/access.md shows rules for each kind",
    )
