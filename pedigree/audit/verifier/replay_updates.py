"""Replay of when a model and its versions changed, which the database notes by MLflow's rules."""

from .states import ReplayableEvent, ReplayedModel

_MOVES = frozenset({"version.stage_changed", "version.deleted", "version.restored"})
_CHANGES_OF_MODEL = frozenset(
    {"model.created", "version.created", "model.restored", "model.renamed"}
)
_CHANGES_OF_VERSION = frozenset({"version.sealed", "version.registration_failed"})


def note_update(state: ReplayedModel, event: ReplayableEvent) -> None:
    """Note when a model and its versions changed, by the rules of the database."""
    kind = event.type
    describes = kind in {"model.updated", "version.updated"} and "description" in event.body
    confirms = kind == "version.updated" and "stage_confirmed" in event.body
    is_move = kind in _MOVES or confirms
    if is_move or kind in _CHANGES_OF_MODEL or (describes and kind == "model.updated"):
        state.last_updated_at = event.at
    if is_move or kind in _CHANGES_OF_VERSION or (describes and kind == "version.updated"):
        state.versions[event.version or 0].updated_at = event.at
    if kind == "model.renamed":
        for version in state.versions.values():
            if version.deleted_at is None:
                version.updated_at = event.at
