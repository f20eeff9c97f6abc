"""The rows that search reads equal the views that they are derived from, after any verbs."""

import re
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pedigree.cards.records import CardNotes
from pedigree.errors import PedigreeError
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import MetricRule, Verdict
from pedigree.lineage.staleness import InputNow
from pedigree.monitoring.profile import profile
from pedigree.registry import Registry
from tests.catalog.naive_models import naive_row, shown_row
from tests.factories import promote_to_production, register, register_candidate
from tests.lifecycle.deciding import ANN, policy_of
from tests.lineage.graphs import graph, node
from tests.marking import few_or_many

# Each table of search has its view, and some have one that derives all versions at once. A word is
# in its table once, whatever number of names has it.
VIEWS = r"""
SELECT viewname AS name FROM pg_views
WHERE schemaname = 'pedigree' AND viewname SIMILAR TO 'search\_%(source|in\_bulk)'
"""
# As texts, so that JSON is compared byte by byte.
DIFFERENT = """
SELECT '{table} lacks ' || s AS problem
FROM (SELECT s::text FROM ({source}) s EXCEPT ALL SELECT t::text FROM pedigree.{table} t) AS s
UNION ALL
SELECT '{table} has ' || t
FROM (SELECT t::text FROM pedigree.{table} t EXCEPT ALL SELECT s::text FROM ({source}) s) AS t
"""

AGES = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0] * 50})
NUMBERS = st.integers(min_value=1, max_value=4)
WORDS = st.sampled_from(["growth", "risk", "weekly churn", "", "é\u2028"])


def differences(registry: Registry) -> list[str]:
    """What the tables of search have and should not, or lack."""
    found = []
    for name in (row["name"] for row in registry.database.fetch_all(VIEWS)):
        table = {"search_source": "search_version"}.get(name, re.sub("_source|_in_bulk", "", name))
        source = f"TABLE pedigree.{name}"
        if table == "search_word":
            source = f"SELECT DISTINCT word FROM pedigree.{name}"
        query = DIFFERENT.format(table=table, source=source)
        found += [row["problem"] for row in registry.database.fetch_all(query)]
    return found


class Verbs:
    """The verbs that change what search shows, each of which may be refused.

    Args:
        registry: The registry.
        name: The model.
        folder: Where files are written.
    """

    def __init__(self, registry: Registry, name: str, folder: Path) -> None:
        self.registry, self.name, self.folder = registry, name, folder
        self.versions = self.runs = 0
        for number in (1, 3):
            self.register(number, "growth")
            promote_to_production(registry, self.reference(self.versions))

    def reference(self, number: int) -> str:
        return f"{self.name}/{min(number, self.versions)}"

    def register(self, number: int, word: str) -> None:
        """Register a further version; an even number runs the checks by which it is a candidate."""
        make = register if number % 2 == 0 else register_candidate
        make(
            self.registry,
            self.folder,
            f"v{self.versions + 1}",
            self.name,
            tags={"team": word},
            metrics={"auc": 0.1 * number},
            risk_class="high" if number > 2 else None,
            owners=("ann",),
            lineage=graph(node(1, "customers", self.name)),
        )
        self.versions += 1

    def retrain(self, number: int, word: str) -> None:
        self.runs += 1
        fields = {"metrics": {"auc": self.runs}, "tags": {"team": word}}
        content = f"v{min(number, self.versions)}"
        run_id = f"again-{self.runs}"
        register(self.registry, self.folder, content, self.name, run_id=run_id, **fields)

    def describe(self, number: int, word: str) -> None:
        changes = {"description": word, "owners": ["a", "a"], "tags": {"team": word}}
        self.registry.update(self.reference(number), **changes)

    def promote(self, number: int, word: str) -> None:
        reference = self.reference(number)
        is_candidate = self.registry.get(reference).stage == "candidate"
        self.registry.promote(reference, "staging" if is_candidate else "production")

    def archive(self, number: int, word: str) -> None:
        self.registry.promote(self.reference(number), "archived")

    def rollback(self, number: int, word: str) -> None:
        self.registry.rollback(self.name, reason="worse")

    def set_alias(self, number: int, word: str) -> None:
        self.registry.set_alias(self.name, "best", min(number, self.versions))

    def delete_alias(self, number: int, word: str) -> None:
        self.registry.delete_alias(self.name, "best")

    def write_card(self, number: int, word: str) -> None:
        self.registry.write_card(self.reference(number), CardNotes(primary_uses=word or None))

    def record_verdict(self, number: int, word: str) -> None:
        version = self.registry.get(self.reference(number))
        check = Verdict(
            check="metadata_complete", passed=word != "risk", digest=version.digest, summary="ok"
        )
        self.registry.record_verdict(version.reference, check)

    def decide(self, number: int, word: str) -> None:
        """Ask for production under a policy with approvals, and approve or reject."""
        self.registry.set_policy(self.name, policy_of(approvals={}))
        try:
            with suppress(PedigreeError):
                self.registry.request_stage(self.reference(number), "production")
            decide = self.registry.reject if word == "risk" else self.registry.approve
            decide(self.reference(number), "production", comment="looked at it", actor=ANN)
        finally:
            self.registry.set_policy(self.name, default_policy())

    def hold(self, number: int, word: str) -> None:
        self.registry.hold(self.reference(number), reason="case 7")

    def lift_hold(self, number: int, word: str) -> None:
        self.registry.lift_hold(self.reference(number))

    def quarantine_version(self, number: int, word: str) -> None:
        self.registry.quarantine_version(self.reference(number), reason="wrong labels")

    def release_version(self, number: int, word: str) -> None:
        self.registry.release_version(self.reference(number))

    def quarantine(self, number: int, word: str) -> None:
        self.registry.quarantine("customers", self.name, reason="wrong labels")

    def release(self, number: int, word: str) -> None:
        self.registry.release("customers", self.name)

    def delete(self, number: int, word: str) -> None:
        self.registry.delete(self.reference(number), reason="test")

    def restore(self, number: int, word: str) -> None:
        self.registry.restore(self.reference(number))

    def delete_and_restore_model(self, number: int, word: str) -> None:
        """Of another model: one with a version in production is not deleted."""
        name = f"{self.name}-other"
        register(self.registry, self.folder, "v1", name, tags={"team": word})
        self.registry.delete_model(name, reason="test")
        assert not differences(self.registry)
        self.registry.restore_model(name)

    def describe_model(self, number: int, word: str) -> None:
        changes = {"description": word, "owners": ["b", word, "b"], "tags": {"team": word}}
        self.registry.update_model(self.name, **changes)

    def follow_metric(self, number: int, word: str) -> None:
        metric = "auc" if number % 2 else "loss"
        self.registry.set_policy(self.name, default_policy(MetricRule(metric=metric)))

    def see_staleness(self, number: int, word: str) -> None:
        """Of the version in production, whose input has changed or not."""
        behind = number % 2
        now = InputNow(data_version=word, data_behind=behind, code_behind=0)
        keep = self.registry.operations.staleness.keep_staleness
        keep(f"{self.name}@production", {("customers", self.name): now})

    def forget_staleness(self, number: int, word: str) -> None:
        self.registry.operations.staleness.versions_to_look_at(
            [self.name], age=timedelta(), limit=1
        )

    def measure_drift(self, number: int, word: str) -> None:
        reference = f"{self.name}@production"
        self.registry.keep_profile(reference, profile(AGES))
        other = AGES.assign(age=AGES["age"] + 30 * (number % 2))
        for asset in ("customers", f"calls-{number}"):
            self.registry.measure_drift(reference, other, asset=asset)

    def collect(self, number: int, word: str) -> None:
        with self.registry.plan_gc() as plan:
            self.registry.gc(plan)


VERBS = sorted(name for name in vars(Verbs) if not name.startswith("_") and name != "reference")


# Each verb once, in any order, so that none is left out, and with any version and word.
HISTORIES = st.permutations(VERBS).flatmap(
    lambda verbs: st.tuples(*(st.tuples(st.just(verb), NUMBERS, WORDS) for verb in verbs))
)


@few_or_many(2, 8)
@pytest.mark.timeout(300)
def test_rows_of_search_equal_their_views_after_any_verbs(
    impatient: Registry, tmp_path: Path, examples: int
) -> None:
    done: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        phases=(Phase.generate,),
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(HISTORIES)
    def check(history: tuple[tuple[str, int, str], ...]) -> None:
        done["examples"] += 1
        name = f"model-{done['examples']}"
        verbs = Verbs(impatient, name, tmp_path)
        for verb, number, word in history:
            with suppress(PedigreeError):
                getattr(verbs, verb)(number, word)
                done[verb] += 1
            assert not differences(impatient), verb
            assert shown_row(impatient, name) == naive_row(impatient, name), verb
        for found in impatient.search(f"name = '{name}'"):
            assert found == impatient.get(found.reference)

    check()
    if examples > 2:
        assert not set(VERBS) - done.keys(), done


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
            "INSERT INTO pedigree.search_word VALUES ('surplus');"
            "UPDATE pedigree.search_model SET champion = 9"
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
        "search_model",
    }
