"""The resources of a code location, the same objects for equal arguments.

``dg.Definitions.merge`` accepts a resource twice only if it is the same object. So equal calls
return the same resources, and a merge of different ones raises an error that names both.
"""

import inspect
from typing import Any

import dagster as dg

from pedigree.dagster.assets.model_spec import MODEL_IO_MANAGER_KEY
from pedigree.dagster.assets.training_function import REGISTRY_KEY
from pedigree.dagster.resources.io_manager import ModelIOManager
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.errors import InvalidInputError

_REGISTRIES: dict[object, RegistryResource] = {}
_MANAGERS: dict[object, ModelIOManager] = {}


_MERGE = inspect.unwrap(dg.Definitions.merge).__code__


class SharedKey(str):
    """A resource's key that cannot be merged with the key of a call with other arguments.

    When Dagster merges definitions, it compares their keys before it compares the resources.
    Elsewhere the key is a plain text: Dagster caches configuration by it, for all code locations
    of a process, and two locations may have different registries.
    """

    __slots__ = ("call", "ticks")

    call: str
    ticks: str | None

    @classmethod
    def of(cls, key: str, call: str, ticks: str | None) -> "SharedKey":
        """Return the key of a resource.

        Args:
            key: The text.
            call: The arguments that made the resource, for the message.
            ticks: The arguments of the sensors; None for a call without sensors.
        """
        shared = cls(key)
        shared.call, shared.ticks = call, ticks
        return shared

    def __eq__(self, other: object) -> bool:
        is_equal = str.__eq__(self, other)
        frame = inspect.currentframe()
        caller = frame.f_back if frame else None
        if is_equal and isinstance(other, SharedKey) and caller and caller.f_code is _MERGE:
            self._require_equal_call(other)
        return is_equal

    __hash__ = str.__hash__

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str.__str__(self),)

    def _require_equal_call(self, other: "SharedKey") -> None:
        differ = self.ticks and other.ticks and self.ticks != other.ticks
        if self.call == other.call and not differ:
            return
        one, two = (", ".join(filter(None, (each.call, each.ticks))) for each in (other, self))
        raise InvalidInputError(
            f"two calls in one code location differ: ({one}) and ({two})",
            field="registry_definitions",
            remedy="Pass the same registry, interval_seconds and running to each call",
        )


def registry_resources(registry: RegistryResource | None = None, **manager: Any) -> dict[str, Any]:
    """Return the resources that model assets, stages and their consumers need.

    Equal arguments return the same resources, so their definitions can be merged.

    Args:
        registry: The registry; from the settings when None.
        manager: Fields of the :class:`ModelIOManager`.
    """
    return shared_resources(registry, ticks=None, **manager)


def shared_resources(
    registry: RegistryResource | None, *, ticks: str | None, **manager: Any
) -> dict[str, Any]:
    """Return the resources of a call, which can be merged with those of equal calls.

    Args:
        registry: The registry; from the settings when None.
        ticks: The arguments of the sensors of this call; None if it has none.
        manager: Fields of the :class:`ModelIOManager`.
    """
    given = registry or RegistryResource()
    shared = _REGISTRIES.setdefault(_identity(given), given)
    fields = tuple(sorted((name, _identity(value)) for name, value in manager.items()))
    known = (id(shared), fields)
    if known not in _MANAGERS:
        _MANAGERS[known] = ModelIOManager(registry=shared, **manager)
    call = f"registry={shared!r}"
    arguments = "".join(f", {name}={value!r}" for name, value in manager.items())
    return {
        SharedKey.of(REGISTRY_KEY, call, ticks): shared,
        SharedKey.of(MODEL_IO_MANAGER_KEY, f"{call}{arguments}", ticks): _MANAGERS[known],
    }


def _identity(value: Any) -> object:
    """Return what makes two values equal; a reference to a variable is not equal to its name."""
    if isinstance(value, dg.EnvVar):
        return ("variable", value.env_var_name)
    if isinstance(value, dg.ConfigurableResource | dg.ConfigurableIOManagerFactory):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        return (type(value), *((name, _identity(field)) for name, field in fields.items()))
    try:
        hash(value)
    except TypeError:
        return ("object", id(value))
    return value
