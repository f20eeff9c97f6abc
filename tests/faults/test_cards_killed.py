"""`kill -9` of a process that draws cards: the next one draws the rest, and no card is torn."""

from pathlib import Path

import pytest

from pedigree.registry import Registry
from tests.cards.following import drawn, follow, kept, let_lease_end
from tests.factories import free_policy, register
from tests.faults.killing import Victim
from tests.maintenance.collecting import require_sound

DRAWING = (
    *("pedigree.cards", "pedigree.artifacts.content_upload"),
    "pedigree.artifacts.upload_keys",
)
# A prime, so that over the years other lines are hit as the code moves.
STRIDE = 41


@pytest.mark.timeout(300)
def test_what_a_kill_leaves_undrawn_is_drawn_by_who_comes_next(
    registry: Registry, database_url: str, tmp_path: Path
) -> None:
    def run(victim: Victim, number: int, *, kill: bool = True) -> int | None:
        name = f"model-{number}"
        registry.set_policy(name, free_policy())
        for content in ("a", "b"):
            register(registry, tmp_path, f"{content} {number}", name)
        registry.promote(f"{name}/1", "staging")
        lines = victim.run(
            kill_before=number if kill else None,
            database_url=database_url,
            store_url=registry.store.url,
            home=str(registry.settings.home_folder),
        )
        let_lease_end(registry)
        left.append(follow(registry))
        cards = kept(registry)
        for reference in (f"{name}/1", f"{name}/2"):
            assert cards[reference] == drawn(registry, reference)
        return lines

    left: list[int] = []
    with Victim("tests.faults.victims:draw_cards", DRAWING) as victim:
        lines = run(victim, 100_000, kill=False)
        assert lines
        outcomes = [run(victim, number) for number in range(0, lines, STRIDE)]
    assert outcomes.count(None) >= len(outcomes) - 2
    assert left[0] == 0
    assert set(left) == {0, 2}  # the cards of a block are written together
    require_sound(registry)
