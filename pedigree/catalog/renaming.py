"""Rename a model: its id, its versions with their numbers, and its history stay."""

from pydantic import JsonValue

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.model_changes import change_model
from pedigree.catalog.names import name_key, validate_name
from pedigree.catalog.store import SQL, LockedModel, lock_model, names_judged
from pedigree.errors import NameTakenError
from pedigree.postgres.transaction import Transaction


def rename_model(
    transaction: Transaction, name: str, new_name: str, actor: Actor, *, recreate: bool = False
) -> None:
    """Give a model another name; its own name has no effect.

    Args:
        transaction: Where to write.
        name: The model.
        new_name: Its new name.
        actor: Who renames it.
        recreate: A name that a deleted model had, or another one until it was renamed, is not
            taken, as long as no number of a version repeats under it.

    Raises:
        ModelNotFoundError: There is no such model.
        InvalidNameError: The new name breaks the rule.
        NameTakenError: Another model has or had the new name, or an equivalent one.
    """
    keys = [name_key(validate_name(each)) for each in (name, new_name)]
    transaction.execute(SQL["lock_names"], {"keys": keys})
    model = lock_model(transaction, name)
    if new_name == name:
        return
    body: dict[str, JsonValue] = {
        "from": name,
        "to": new_name,
        "model_id": model.model_id,
        "first_version": _first_version(model, new_name, recreate=recreate),
    }
    with names_judged(new_name):
        change_model(model, EventType.MODEL_RENAMED, body, actor, name_key=keys[1], again=recreate)


def _first_version(model: LockedModel, new_name: str, *, recreate: bool) -> int:
    """Return the number of the model's first version under its new name.

    Raises:
        NameTakenError: A number would repeat, or the name may not be had again.
    """
    asked = {"name": new_name, "name_key": name_key(new_name), "model_id": model.model_id}
    row = model.transaction.execute(SQL["highest_of_name"], asked).fetchall()[0]
    if row["number"] is None:
        return model.first_version
    repeats = model.first_version <= row["number"] and model.first_version < model.next_version
    if row["is_held"] or not recreate or repeats:
        problem = "belongs to another model" if row["is_held"] else "belonged to another model"
        if recreate and repeats and not row["is_held"]:
            problem += f", with versions up to {row['number']}, and numbers would repeat"
        raise NameTakenError(
            problem, field="new_name", value=new_name, remedy="Choose another name"
        )
    return max(model.first_version, int(row["number"]) + 1)
