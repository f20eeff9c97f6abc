"""Checks, cards and policies over HTTP: the service runs and writes them."""

from collections.abc import Collection, Mapping

from pedigree.audit.records import Actor
from pedigree.cards.records import CardNotes, ModelCard
from pedigree.client._session import ServiceSession, only_in_process
from pedigree.datasets.records import Datasheet, KeptDatasheet
from pedigree.lifecycle.decision_records import PolicyRevision
from pedigree.lifecycle.records import CheckRule, Policy, RecordedVerdict, RetentionRule

_Verdicts = dict[str, tuple[RecordedVerdict, ...]]


class JudgingOperations(ServiceSession):
    """Verbs that judge versions, and say by what; as their namesakes of ``Registry`` do."""

    def run_check(
        self,
        reference: str,
        check: str,
        *,
        rule: CheckRule | None = None,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> RecordedVerdict:
        """Run one of the registry's own checks on a version, and record its verdict."""
        only_in_process(actor=actor, rule=rule, run_id=run_id)
        return self._checked(reference, {"check": check})[0]

    def rerun_check(
        self, reference: str, check: str, *, actor: Actor | None = None
    ) -> tuple[RecordedVerdict, ...]:
        """Run a check on a version, also on one older than the check, and show it in the graph."""
        only_in_process(actor=actor)
        return self._checked(reference, {"check": check, "every_rule": True})

    def run_checks(self, reference: str) -> tuple[RecordedVerdict, ...]:
        """Run all the registry's checks for which the model's stages ask, by each's settings."""
        return self._checked(reference, {"card": False})

    def judge(self, reference: str) -> tuple[RecordedVerdict, ...]:
        """Run all the registry's checks on a version, and draw the card that shows the verdicts."""
        return self._checked(reference, {})

    def _checked(self, reference: str, wanted: object) -> tuple[RecordedVerdict, ...]:
        path = self._version_path(reference, "/checks")
        return self._write(_Verdicts, "POST", path, wanted)["verdicts"]

    def check_rules(self, name: str, check: str) -> tuple[CheckRule, ...]:
        """Return the rules by which a model's stages ask for a check, of each settings the first.

        A check that no stage asks for goes by its own defaults.
        """
        return self.policy(name).check_rules(check) or (CheckRule(name=check),)

    def registration_checks(self, name: str) -> tuple[str, ...]:
        """Return the checks by which a new version of a model becomes a candidate."""
        return self._read(tuple[str, ...], self._model_path(name, "/registration-checks"))

    def card(self, reference: str) -> ModelCard:
        """Return a version's model card, which shows the record as it is now."""
        return self._read(ModelCard, self._version_path(reference, "/card"))

    def write_card(self, reference: str, notes: CardNotes | None = None) -> ModelCard:
        """Write what people have to say in a version's model card, and return the card."""
        path = self._version_path(reference, "/card")
        return self._write(ModelCard, "PUT", path, {"notes": notes})

    def renew_card(self, reference: str) -> None:
        """Draw a version's model card now if it is stale, as :meth:`card` does."""
        self.card(reference)

    def datasheet(self, asset: str) -> KeptDatasheet:
        """Return an asset's latest datasheet."""
        return self._read(KeptDatasheet, "/datasheet", asset=asset)

    def datasheets(self, assets: Collection[str]) -> Mapping[str, KeptDatasheet]:
        """Return the latest datasheets of some assets; those without one are left out."""
        return self._read(dict[str, KeptDatasheet], "/datasheets", asset=list(assets))

    def set_datasheet(
        self, asset: str, datasheet: Datasheet, *, actor: Actor | None = None
    ) -> KeptDatasheet:
        """Give an asset a datasheet; the one it has already is not written again."""
        only_in_process(actor=actor)
        return self._write(KeptDatasheet, "PUT", "/datasheet", datasheet, asset=asset)

    def card_fields(self, reference: str) -> Mapping[str, bool]:
        """Say of each field of a version's model card whether it is provided."""
        return self._read(dict[str, bool], self._version_path(reference, "/card/fields"))

    def policy(self, name: str) -> Policy:
        """Return a model's policy; the default one where it has none of its own."""
        return self._read(Policy, self._model_path(name, "/policy"))

    def set_policy(
        self,
        name: str,
        policy: Policy,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> int:
        """Give a model a policy; the model is created if it is new."""
        only_in_process(actor=actor)
        path, body = self._model_path(name, "/policy"), {"policy": policy, "reason": reason}
        return self._write(dict[str, int], "PUT", path, body)["revision"]

    def policy_history(self, name: str) -> tuple[PolicyRevision, ...]:
        """Return the policies that a model was given, the first one first."""
        return self._read(tuple[PolicyRevision, ...], self._model_path(name, "/policy/history"))

    def retention(self, name: str) -> RetentionRule:
        """Return a model's rule for retention; an empty one where it has none of its own."""
        return self._read(RetentionRule, self._model_path(name, "/retention"))

    def set_retention(self, name: str, rule: RetentionRule) -> RetentionRule:
        """Give a model a rule for retention; the rest of its policy stays."""
        return self._write(RetentionRule, "PUT", self._model_path(name, "/retention"), rule)
