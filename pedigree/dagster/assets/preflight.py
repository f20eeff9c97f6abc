"""Checks before a training starts, so that it does not fail at registration an hour later."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import dagster as dg

from pedigree.catalog.store import require_registrable
from pedigree.dagster.assets.model_spec import ModelSpec
from pedigree.dagster.capture.code import code_of
from pedigree.dagster.capture.run_provenance import provenance_of
from pedigree.flavors.plugins import missing_libraries
from pedigree.lifecycle.policy import default_policy
from pedigree.lineage.code import CodeState
from pedigree.registry import Registry


def check_registrable(
    context: dg.AssetExecutionContext,
    registry: Registry,
    model_specs: Iterable[ModelSpec],
    folder: Path,
) -> dict[dg.AssetKey, CodeState]:
    """Check that the models of a training can be registered, as far as that is known before it.

    A missing library of the flavor is only a warning in the step's log: a training that returns a
    path does not need it.

    Args:
        context: The step's context.
        registry: The registry.
        model_specs: The specs of the models that the step makes.
        folder: The folder of the training's code.

    Returns:
        The commit of each model's code: the code that runs is the one at the step's start.

    Raises:
        InvalidNameError: The partition's key makes the model's name too long.
        NameTakenError: The name differs too little from another one, or belonged to a deleted
            model.
        InvalidInputError: The model cannot have the policy.
        NotPermittedError: The actor may not change the model's policy.
        InvalidMetadataError: The commit of the training's code cannot be determined.
        DatabaseUnavailableError: The database does not answer.
    """
    provenance = provenance_of(context)
    found: dict[dg.AssetKey, CodeState] = {}
    for model_spec in model_specs:
        name = model_spec.registered_name(provenance.partition)
        registry.database.read(partial(require_registrable, name=name))
        if model_spec.policy != default_policy():
            actor = registry.actor(provenance.actor)
            registry.operations.policies.expect_policy(name, model_spec.policy, actor=actor)
        definition = context.assets_def.specs_by_key[model_spec.key].metadata
        found[model_spec.key] = code_of(registry.settings, folder, definition)
        if missing := missing_libraries(model_spec.flavor or "generic"):
            context.log.warning(
                f"{name}: {', '.join(missing)} is not installed. This training can return the path"
                f" of a saved {model_spec.flavor} model, but not a model object."
            )
    return found
