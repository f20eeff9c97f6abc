"""What is known to be wrong before a training starts: it is said then, not an hour later."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import dagster as dg

from pedigree.catalog.store import require_registrable
from pedigree.dagster.assets.model_spec import ModelLine
from pedigree.dagster.capture.code import code_of
from pedigree.dagster.capture.run_provenance import provenance_of
from pedigree.flavors.plugins import missing_libraries
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.policy_history import expect_policy
from pedigree.registry import Registry


def check_beforehand(
    context: dg.AssetExecutionContext, registry: Registry, lines: Iterable[ModelLine], folder: Path
) -> None:
    """Refuse a training whose models could not be registered, as far as that is known by now.

    A library that its flavor needs may be missing where the training hands over a path: this is
    said in the step's log.

    Args:
        context: The step's context.
        registry: The registry.
        lines: The models that the step makes.
        folder: Where the training's code lies.

    Raises:
        InvalidNameError: The partition's key does not fit into the model's name.
        NameTakenError: The name has a twin, or belonged to a model that was deleted.
        InvalidInputError: The model cannot have the policy.
        NotPermittedError: Others change the model's policy.
        InvalidMetadataError: Nothing here knows the commit of the training's code.
        DatabaseUnavailableError: The database does not answer.
    """
    provenance = provenance_of(context)
    for line in lines:
        name = line.registered_name(provenance.partition)
        registry.database.read(partial(require_registrable, name=name))
        if line.policy != default_policy():
            principal = registry.context.principal(registry.actor(provenance.actor))
            expected = partial(expect_policy, name=name, policy=line.policy, principal=principal)
            registry.database.read(expected)
        code_of(registry.settings, folder, context.assets_def.specs_by_key[line.key].metadata)
        if missing := missing_libraries(line.flavor or "generic"):
            context.log.warning(
                f"{name}: {', '.join(missing)} is not installed, so a model of flavor {line.flavor}"
                " that this training returns cannot be saved; the path of a saved one can."
            )
