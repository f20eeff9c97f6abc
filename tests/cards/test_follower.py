"""The follower of the feed draws cards in bounded rounds, from any number of processes."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pedigree.cards.follower import CardFollower
from pedigree.cards.render import render_card
from pedigree.catalog.records import ModelVersion
from pedigree.registry import Registry
from pedigree.registry.reconciler import Reconciler
from tests.cards.following import drawn, follow, kept, let_lease_end
from tests.factories import free_policy, register
from tests.maintenance.collecting import require_sound
from tests.statements import begun_transactions, sent_statements

VERSIONS = 5


@pytest.fixture
def churn(registry: Registry, tmp_path: Path) -> Registry:
    """A registry with a model whose versions may go anywhere."""
    registry.set_policy("churn", free_policy())
    for number in range(VERSIONS):
        register(registry, tmp_path, f"weights {number}")
    return registry


def follower(registry: Registry) -> CardFollower:
    return CardFollower(registry.database, registry.store)


def require_followed(registry: Registry) -> None:
    wanted = [each.reference for each in registry.versions("churn")]
    assert kept(registry) == {reference: drawn(registry, reference) for reference in wanted}
    require_sound(registry)


def test_a_round_is_bounded_and_the_next_one_continues(churn: Registry) -> None:
    assert follower(churn).follow(most=2) == 2
    assert sorted(kept(churn)) == ["churn/1", "churn/2"]
    assert follow(churn) == VERSIONS - 2
    require_followed(churn)


def test_a_round_that_ended_at_its_bound_is_behind(churn: Registry) -> None:
    follows = follower(churn)
    behind = []
    while follows.follow(most=2):
        behind.append(follows.is_behind)
    assert behind == [True, True, False]
    assert not follows.is_behind
    require_followed(churn)


@pytest.mark.parametrize("pages", [3, 100])
def test_a_round_reads_the_feed_in_pages(
    churn: Registry, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    monkeypatch.setattr("pedigree.cards.follower._EVENTS", 1)
    monkeypatch.setattr("pedigree.cards.follower._PAGES", pages)
    follows = follower(churn)
    drawn = follows.follow()
    assert follows.is_behind == (pages == 3)
    while follows.is_behind:
        drawn += follows.follow()
    assert drawn == VERSIONS
    require_followed(churn)


def test_an_event_of_a_whole_model_takes_several_rounds(churn: Registry) -> None:
    for number in range(1, VERSIONS + 1):
        churn.promote(f"churn/{number}", "candidate")
    follow(churn)
    churn.delete_model("churn", reason="test")
    churn.restore_model("churn")
    rounds = []
    while now := follower(churn).follow(most=2):
        rounds.append(now)
    assert rounds == [2, 2, 1]
    require_followed(churn)


def test_what_others_have_drawn_is_not_drawn_again(churn: Registry) -> None:
    for number in range(1, VERSIONS + 1):
        churn.card(f"churn/{number}")
    before = churn.events()
    assert follow(churn) == 0
    assert churn.events() == before
    require_followed(churn)


def test_an_event_that_changes_no_text_writes_no_card(churn: Registry) -> None:
    follow(churn)
    before = kept(churn), churn.card("churn/1").revision
    churn.update_model("churn", description="who leaves")
    churn.hold("churn/1", reason="case 7")
    churn.lift_hold("churn/1")
    follow(churn)
    assert (kept(churn), churn.card("churn/1").revision) == before


def test_cards_are_drawn_from_one_read_and_written_in_one_transaction(churn: Registry) -> None:
    with sent_statements() as sent, begun_transactions() as begun:
        assert follower(churn).follow() == VERSIONS
    assert sent.count("add_cards") == 1
    assert not {"find_versions", "trainings", "graph", "environment"} & set(sent)
    # The places in the feed, the lease, the block of keys, the cards, the new place.
    # The read is streamed, in a transaction that only reads.
    assert sum("READ ONLY" not in each for each in begun) == 5
    events = [event for event in churn.events() if "model_card" in event.body]
    assert len(events) == VERSIONS
    assert len({event.at for event in events}) == 1


def test_a_look_without_events_is_one_statement(churn: Registry) -> None:
    follow(churn)
    follow(churn)  # the events of the cards themselves
    with sent_statements() as sent:
        assert follower(churn).follow() == 0
    assert sent == ["anything_to_draw"]


def test_a_version_that_fails_leaves_the_other_cards_of_its_block(
    churn: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = render_card

    def but_not_the_second(version: ModelVersion, *rest: Any, **more: Any) -> str:
        if version.version_id == 2:
            raise KeyError("poison")
        return render(version, *rest, **more)

    monkeypatch.setattr("pedigree.cards.drawing.render_card", but_not_the_second)
    assert follower(churn).follow() == VERSIONS - 1
    assert sorted(kept(churn)) == [f"churn/{each}" for each in (1, 3, 4, 5)]


def test_two_followers_at_once_draw_each_card_once(churn: Registry) -> None:
    def work(number: int) -> int:
        if number == 0:
            for version in range(1, VERSIONS + 1):
                churn.promote(f"churn/{version}", "staging")
        return follow(churn)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    follow(churn)
    require_followed(churn)
    texts = churn.database.fetch_all(
        "SELECT version FROM pedigree.model_card GROUP BY version, digest HAVING count(*) > 1"
    )
    assert texts == []


def test_a_follower_waits_while_another_holds_the_lease_and_takes_over_if_that_dies(
    churn: Registry,
) -> None:
    churn.events()  # gives the events their places
    churn.database.transaction(
        lambda tx: tx.execute(
            "INSERT INTO pedigree.card_follower (seq, lease, lease_until)"
            " VALUES (0, gen_random_uuid(), clock_timestamp() + interval '1 min')"
        )
    )
    assert follow(churn) == 0
    let_lease_end(churn)
    assert follow(churn) == VERSIONS
    require_followed(churn)


def test_two_followers_with_the_same_lease_leave_the_cards_consistent(churn: Registry) -> None:
    def work(_: int) -> None:
        let_lease_end(churn)
        follow(churn)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(4)))
    follow(churn)
    require_followed(churn)


def test_deleted_versions_are_skipped(churn: Registry) -> None:
    churn.delete("churn/1", reason="test")
    assert follow(churn) == VERSIONS - 1
    assert "churn/1" not in kept(churn)
    require_followed(churn)


def test_cards_wait_while_the_store_does_not_answer(
    churn: Registry, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    follow(churn)
    churn.promote("churn/1", "staging")
    objects = home / "objects"
    objects.rename(home / "away")
    objects.write_text("no folder any more")
    with caplog.at_level(logging.WARNING):
        assert follow(churn) == 0
    assert "card.postponed" in {record.action for record in caplog.records}
    objects.unlink()
    (home / "away").rename(objects)
    assert follow(churn) == 1
    require_followed(churn)


def test_the_service_draws_cards_where_it_reconciles(churn: Registry) -> None:
    Reconciler(churn).reconcile()
    require_followed(churn)
    assert {card.actor.name for card in churn.events() if "model_card" in card.body} == {
        "service:cards"
    }
