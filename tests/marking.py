"""The part of the marker `system` that follows from what a test uses: remote object stores.

The rule is in `docs/testing.md`. A test that runs on a remote store repeats what the local folder
shows, so it belongs to `make test-system`. A test with the marker `contract` states what every
object store must do, and runs on Swift in `make test` too.
"""

import pytest

REMOTE = frozenset({"swift", "ceph"})
# The one remote store that the locks of this project install.
CONTRACTED = "swift"


def mark_remote_repeats(items: list[pytest.Item]) -> None:
    """Give the marker `system` to the tests that run on a remote store, but for the contract."""
    for item in items:
        kinds = _parameters(item) & REMOTE
        if kinds and not (kinds == {CONTRACTED} and item.get_closest_marker("contract")):
            item.add_marker(pytest.mark.system)


def _parameters(item: pytest.Item) -> set[str]:
    call = getattr(item, "callspec", None)
    return {value for value in call.params.values() if isinstance(value, str)} if call else set()
