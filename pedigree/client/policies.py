"""Policies: the gates of each stage."""

from pedigree._record import PAGE
from pedigree.audit.records import Actor
from pedigree.client.service import ServiceGroup, only_in_process
from pedigree.contract import paths
from pedigree.contract.paths import fill
from pedigree.contract.policies import PolicyContract
from pedigree.lifecycle.decision_records import PolicyDefault, PolicyRevision
from pedigree.lifecycle.records import CheckRule, Policy


class RemotePolicies(ServiceGroup, PolicyContract):
    """Policies: the gates of each stage."""

    def policy(self, name: str) -> Policy:
        return self._service.read(Policy, self._service.model_path(paths.POLICY, name))

    def set_policy(
        self,
        name: str,
        policy: Policy,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> int:
        only_in_process(actor=actor)
        path, body = (
            self._service.model_path(paths.POLICY, name),
            {"policy": policy, "reason": reason},
        )
        return self._service.write(dict[str, int], "PUT", path, body)["revision"]

    def policy_history(
        self, name: str, *, limit: int = PAGE, after: int = 0
    ) -> tuple[PolicyRevision, ...]:
        path = self._service.model_path(paths.POLICY_HISTORY, name)
        return self._service.items(PolicyRevision, path, limit=limit, after=after)

    def set_policy_default(
        self, pattern: str, policy: Policy, *, reason: str | None = None
    ) -> PolicyDefault:
        path = fill(paths.POLICY_DEFAULT, pattern=pattern)
        return self._service.write(PolicyDefault, "PUT", path, {"policy": policy, "reason": reason})

    def policy_defaults(
        self, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[PolicyDefault, ...]:
        return self._service.items(PolicyDefault, paths.POLICY_DEFAULTS, limit=limit, after=after)

    def delete_policy_default(self, pattern: str, *, reason: str | None = None) -> None:
        self._service.do("DELETE", fill(paths.POLICY_DEFAULT, pattern=pattern), reason=reason)

    def registration_checks(self, name: str) -> tuple[str, ...]:
        return self._service.read(
            tuple[str, ...], self._service.model_path(paths.REGISTRATION_CHECKS, name)
        )

    def check_rules(self, name: str, check: str) -> tuple[CheckRule, ...]:
        return self.policy(name).check_rules(check) or (CheckRule(name=check),)
