"""Marks that follow from what a test uses. The rules are in `docs/testing.md`."""

import pytest

REMOTE = frozenset({"swift", "ceph"})
# The one remote store that the locks of this project install.
CONTRACTED = "swift"


def mark_remote_repeats(items: list[pytest.Item]) -> None:
    """Give the marker `system` to the tests that run on a remote store, but for the contract.

    They repeat what the local folder shows. A test with the marker `contract` states what every
    object store must do, and runs on Swift in `make test` too.
    """
    for item in items:
        kinds = _parameters(item) & REMOTE
        if kinds and not (kinds == {CONTRACTED} and item.get_closest_marker("contract")):
            item.add_marker(pytest.mark.system)


def few_or_many(few: int, many: int) -> pytest.MarkDecorator:
    """Try a law over few ``examples`` in `make test`, and over many in `make test-system`."""
    cases = [few, pytest.param(many, marks=pytest.mark.system)]
    return pytest.mark.parametrize("examples", cases, ids=["few", "many"])


def keep_modules_of_a_server_together(items: list[pytest.Item]) -> None:
    """Let one worker run all tests of a module that share a server, so that it starts once."""
    for item in items:
        shares = "served" in getattr(item, "fixturenames", ())
        if shares and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def _parameters(item: pytest.Item) -> set[str]:
    call = getattr(item, "callspec", None)
    return {value for value in call.params.values() if isinstance(value, str)} if call else set()
