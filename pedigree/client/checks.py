"""Checks and their verdicts on versions."""

from pedigree._record import PAGE
from pedigree.audit.records import Actor
from pedigree.client.service import ServiceGroup, only_in_process
from pedigree.contract import paths
from pedigree.contract.checks import CheckContract
from pedigree.lifecycle.records import CheckRule, RecordedVerdict, Verdict

_Verdicts = dict[str, tuple[RecordedVerdict, ...]]


class RemoteChecks(ServiceGroup, CheckContract):
    """Checks and their verdicts on versions."""

    def run_check(
        self,
        reference: str,
        check: str,
        *,
        rule: CheckRule | None = None,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> RecordedVerdict:
        only_in_process(actor=actor, rule=rule, run_id=run_id)
        return self._checked(reference, {"check": check})[0]

    def rerun_check(
        self, reference: str, check: str, *, actor: Actor | None = None
    ) -> tuple[RecordedVerdict, ...]:
        only_in_process(actor=actor)
        return self._checked(reference, {"check": check, "every_rule": True})

    def run_checks(self, reference: str) -> tuple[RecordedVerdict, ...]:
        return self._checked(reference, {"card": False})

    def judge(self, reference: str) -> tuple[RecordedVerdict, ...]:
        return self._checked(reference, {})

    def record_verdict(
        self, reference: str, verdict: Verdict, *, actor: Actor | None = None
    ) -> RecordedVerdict:
        only_in_process(actor=actor)
        path = self._service.version_path(paths.VERDICTS, reference)
        return self._service.write(RecordedVerdict, "POST", path, verdict)

    def verdicts(
        self, reference: str, *, limit: int = PAGE, after: int | None = None
    ) -> tuple[RecordedVerdict, ...]:
        path = self._service.version_path(paths.VERDICTS, reference)
        return self._service.items(RecordedVerdict, path, limit=limit, after=after)

    def _checked(self, reference: str, wanted: object) -> tuple[RecordedVerdict, ...]:
        path = self._service.version_path(paths.CHECKS, reference)
        return self._service.write(_Verdicts, "POST", path, wanted)["verdicts"]
