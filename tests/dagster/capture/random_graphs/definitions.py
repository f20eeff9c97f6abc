"""Dagster definitions of a case: all forms of assets, with bodies that record what they read."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from pedigree.dagster import (
    RegistryResource,
    registry_definitions,
)
from tests.dagster.capture.random_graphs import asset_forms, model_forms
from tests.dagster.capture.random_graphs.asset_builder import Builder, is_bare
from tests.dagster.capture.random_graphs.bodies import CaseBodies
from tests.dagster.capture.random_graphs.io_managers import managers
from tests.dagster.capture.random_graphs.plans import (
    Form,
)


def build(bodies: CaseBodies, registry: RegistryResource) -> dg.Definitions:
    """Return the current definitions of a case."""
    assets: dict[str, Any] = {}
    for plan in bodies.case.assets:
        assets[plan.name] = _BUILDERS[plan.form](Builder(bodies, plan, assets))
    trained = [
        assets[plan.name]
        if plan.form in {Form.MODEL, Form.MODEL_MULTI}
        else bodies.model_name(plan)
        for plan in bodies.case.assets
        if plan.form.is_model
    ]
    defs = dg.Definitions.merge(
        dg.Definitions(
            assets=list(assets.values()),
            resources=managers(bodies.case.name, bare=is_bare(bodies.case)),
        ),
        registry_definitions(*trained, registry=registry, checks=False),
    )
    if not bodies.hook:
        return defs
    from pedigree.dagster import with_lineage

    return with_lineage(defs)


_BUILDERS: dict[Form, Callable[[Builder], Any]] = {
    Form.EXTERNAL: asset_forms.external,
    Form.OBSERVABLE: asset_forms.observable,
    Form.PLAIN: asset_forms.plain,
    Form.EVENTS: asset_forms.events,
    Form.GRAPH: asset_forms.graph,
    Form.MULTI: asset_forms.multi,
    Form.MODEL: model_forms.model,
    Form.MODEL_MULTI: model_forms.model_multi,
    Form.MODEL_PLAIN: model_forms.model_plain,
    Form.MODEL_GRAPH: asset_forms.graph,
    Form.MODEL_BOUND: model_forms.model_bound,
}
