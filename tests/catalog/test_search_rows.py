"""The rows that search reads equal the views that they are derived from, after any verbs."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pedigree.cards.records import CardNotes
from pedigree.errors import PedigreeError
from pedigree.lifecycle.records import Verdict
from pedigree.lineage.records import LineageGraph
from pedigree.registry import Registry
from tests.factories import register, register_candidate
from tests.lifecycle.deciding import ANN, policy_of
from tests.lineage.graphs import graph, node
from tests.marking import few_or_many

# Each table of search has its view; a word is in its table once, whatever number of names has it.
VIEWS = r"""
SELECT viewname AS name FROM pg_views
WHERE schemaname = 'pedigree' AND viewname LIKE 'search\_%source'
"""
# As texts, so that JSON is compared byte by byte.
DIFFERENT = """
SELECT '{table} lacks ' || s AS problem
FROM (SELECT s::text FROM ({source}) s EXCEPT ALL SELECT t::text FROM pedigree.{table} t) AS s
UNION ALL
SELECT '{table} has ' || t
FROM (SELECT t::text FROM pedigree.{table} t EXCEPT ALL SELECT s::text FROM ({source}) s) AS t
"""

numbers = st.integers(min_value=1, max_value=4)
words = st.sampled_from(["growth", "risk", "weekly churn", "", "é\u2028"])
stages = st.sampled_from(["candidate", "staging", "production", "archived"])
aliases = st.sampled_from(["best", "shadow"])


def differences(registry: Registry) -> list[str]:
    """What the tables of search have and should not, or lack."""
    found = []
    for name in (row["name"] for row in registry.database.fetch_all(VIEWS)):
        table = {"search_source": "search_version"}.get(name, name.removesuffix("_source"))
        source = f"TABLE pedigree.{name}"
        if table == "search_word":
            source = f"SELECT DISTINCT word FROM pedigree.{name}"
        query = DIFFERENT.format(table=table, source=source)
        found += [row["problem"] for row in registry.database.fetch_all(query)]
    return found


def trained_on(partition: str) -> LineageGraph:
    return graph(node(1, "customers", partition))


def attempted(verb: Callable[..., object]) -> Callable[..., None]:
    """A verb that may be refused, as a quarantined version may not be promoted."""

    @wraps(verb)
    def attempt(self: "Verbs", **drawn: object) -> None:
        with suppress(PedigreeError):
            verb(self, **drawn)
            self.done[verb.__name__] += 1

    return attempt


class Verbs(RuleBasedStateMachine):
    """Any sequence of verbs on one model; each example has a model of its own."""

    registry: Registry
    folder: Path
    done: Counter[str]

    @initialize()
    def begin(self) -> None:
        self.name = f"model-{self.done['begin']}"
        self.done["begin"] += 1
        register_candidate(self.registry, self.folder, "v1", self.name, metrics={"auc": 0.5})
        self.versions = 1

    def reference(self, number: int) -> str:
        return f"{self.name}/{min(number, self.versions)}"

    @invariant()
    def rows_equal_their_views(self) -> None:
        assert not differences(self.registry)

    def teardown(self) -> None:
        """The kept text of a record is the record that a read makes of the tables."""
        for found in self.registry.search(f"name = '{self.name}'"):
            assert found == self.registry.get(found.reference)

    @precondition(lambda self: self.versions < 4)
    @rule(team=words, candidate=st.booleans())
    @attempted
    def register(self, team: str, candidate: bool) -> None:
        fields: dict[str, Any] = {"tags": {"team": team}, "metrics": {"auc": 0.6}, "owners": ("a",)}
        fields["lineage"] = trained_on("monday")
        make = register_candidate if candidate else register
        make(self.registry, self.folder, f"v{self.versions + 1}", self.name, **fields)
        self.versions += 1

    @rule(number=numbers, auc=st.sampled_from([0.1, 0.9]))
    @attempted
    def retrain(self, number: int, auc: float) -> None:
        content = f"v{min(number, self.versions)}"
        run_id = f"again-{self.done.total()}"
        register(
            self.registry, self.folder, content, self.name, run_id=run_id, metrics={"auc": auc}
        )

    @rule(number=numbers, text=words)
    @attempted
    def describe(self, number: int, text: str) -> None:
        self.registry.update(
            self.reference(number), description=text, owners=["a", "a"], tags={"team": text}
        )

    @rule(number=numbers, stage=stages)
    @attempted
    def promote(self, number: int, stage: str) -> None:
        self.registry.promote(self.reference(number), stage)

    @rule()
    @attempted
    def rollback(self) -> None:
        self.registry.rollback(self.name, reason="worse")

    @rule(number=numbers, alias=aliases)
    @attempted
    def set_alias(self, number: int, alias: str) -> None:
        self.registry.set_alias(self.name, alias, min(number, self.versions))

    @rule(alias=aliases)
    @attempted
    def delete_alias(self, alias: str) -> None:
        self.registry.delete_alias(self.name, alias)

    @rule(number=numbers, notes=words)
    @attempted
    def write_card(self, number: int, notes: str) -> None:
        self.registry.write_card(self.reference(number), CardNotes(primary_uses=notes or None))

    @rule(number=numbers, passed=st.booleans())
    @attempted
    def record_verdict(self, number: int, passed: bool) -> None:
        version = self.registry.get(self.reference(number))
        self.registry.record_verdict(
            version.reference,
            Verdict(
                check="metadata_complete", passed=passed, digest=version.digest, summary="looked"
            ),
        )

    @rule(is_needed=st.booleans())
    @attempted
    def set_policy(self, is_needed: bool) -> None:
        self.registry.set_policy(self.name, policy_of(approvals={} if is_needed else None))

    @rule(number=numbers)
    @attempted
    def request_stage(self, number: int) -> None:
        self.registry.request_stage(self.reference(number), "production")

    @rule(number=numbers, is_good=st.booleans())
    @attempted
    def decide(self, number: int, is_good: bool) -> None:
        decide = self.registry.approve if is_good else self.registry.reject
        decide(self.reference(number), "production", comment="looked at it", actor=ANN)

    @rule(number=numbers)
    @attempted
    def hold(self, number: int) -> None:
        self.registry.hold(self.reference(number), reason="case 7")

    @rule(number=numbers)
    @attempted
    def lift_hold(self, number: int) -> None:
        self.registry.lift_hold(self.reference(number))

    @rule(number=numbers)
    @attempted
    def quarantine_version(self, number: int) -> None:
        self.registry.quarantine_version(self.reference(number), reason="wrong labels")

    @rule(number=numbers)
    @attempted
    def release_version(self, number: int) -> None:
        self.registry.release_version(self.reference(number))

    @rule()
    @attempted
    def quarantine(self) -> None:
        self.registry.quarantine("customers", "monday", reason="wrong labels")

    @rule()
    @attempted
    def release(self) -> None:
        self.registry.release("customers", "monday")

    @rule(number=numbers)
    @attempted
    def delete(self, number: int) -> None:
        self.registry.delete(self.reference(number), reason="test")

    @rule(number=numbers)
    @attempted
    def restore(self, number: int) -> None:
        self.registry.restore(self.reference(number))

    @rule()
    @attempted
    def delete_model(self) -> None:
        self.registry.delete_model(self.name, reason="test")

    @rule()
    @attempted
    def restore_model(self) -> None:
        self.registry.restore_model(self.name)

    @rule()
    @attempted
    def collect(self) -> None:
        with self.registry.plan_gc() as plan:
            self.registry.gc(plan)


@few_or_many(4, 30)
@pytest.mark.timeout(300)
def test_rows_of_search_equal_their_views_after_any_verbs(
    impatient: Registry, tmp_path: Path, examples: int
) -> None:
    done: Counter[str] = Counter()
    machine = type("Machine", (Verbs,), {"registry": impatient, "folder": tmp_path, "done": done})
    run_state_machine_as_test(
        machine,
        settings=hypothesis.settings(max_examples=examples, stateful_step_count=15),
    )
    if examples > 4:
        verbs = {name for name, verb in vars(Verbs).items() if hasattr(verb, "__wrapped__")}
        assert verbs <= done.keys(), f"never done: {verbs - done.keys()}"


def test_the_version_shows_another_training_when_that_is_the_first(
    registry: Registry, tmp_path: Path
) -> None:
    for auc in (0.5, 0.6):
        register(registry, tmp_path, "a", metrics={"auc": auc}, run_id=f"run-{auc}")
    registry.database.transaction(
        lambda it: it.execute(
            "UPDATE pedigree.training SET created_at = now() WHERE run_id = 'run-0.5'"
        )
    )
    assert not differences(registry)
    assert registry.search("metrics.auc = 0.6").records


def test_a_row_that_differs_is_found(registry: Registry, tmp_path: Path) -> None:
    register_candidate(registry, tmp_path, "a", tags={"team": "growth"}, metrics={"auc": 0.5})
    registry.database.transaction(
        lambda it: it.execute(
            "UPDATE pedigree.search_version SET stage = 'production';"
            "UPDATE pedigree.search_record SET record = '{}';"
            "DELETE FROM pedigree.search_term WHERE field = 'tags.team';"
            "DELETE FROM pedigree.search_metric;"
            "UPDATE pedigree.search_text SET document = '';"
            "INSERT INTO pedigree.search_word VALUES ('surplus')"
        )
    )
    found = {problem.split()[0] for problem in differences(registry)}
    assert found == {
        "search_version",
        "search_record",
        "search_term",
        "search_metric",
        "search_text",
        "search_word",
    }
