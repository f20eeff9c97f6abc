"""Dagster definitions of a case: every form of asset, with a body that notes what it reads."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from pedigree.dagster import (
    RegistryResource,
    registry_definitions,
)
from tests.dagster.capture.law import forms, models
from tests.dagster.capture.law.builder import Builder, is_bare
from tests.dagster.capture.law.kit import Kit
from tests.dagster.capture.law.managers import managers
from tests.dagster.capture.law.plans import (
    Form,
)


def build(kit: Kit, registry: RegistryResource) -> dg.Definitions:
    """Return the definitions of a case as they are now."""
    assets: dict[str, Any] = {}
    for plan in kit.case.assets:
        assets[plan.name] = _BUILDERS[plan.form](Builder(kit, plan, assets))
    trained = [
        assets[plan.name] if plan.form in {Form.MODEL, Form.MODEL_MULTI} else kit.model_name(plan)
        for plan in kit.case.assets
        if plan.form.is_model
    ]
    defs = dg.Definitions.merge(
        dg.Definitions(
            assets=list(assets.values()), resources=managers(kit.case.name, bare=is_bare(kit.case))
        ),
        registry_definitions(*trained, registry=registry, checks=False),
    )
    if not kit.hook:
        return defs
    from pedigree.dagster import with_lineage

    return with_lineage(defs)


_BUILDERS: dict[Form, Callable[[Builder], Any]] = {
    Form.EXTERNAL: forms.external,
    Form.OBSERVABLE: forms.observable,
    Form.PLAIN: forms.plain,
    Form.EVENTS: forms.events,
    Form.GRAPH: forms.graph,
    Form.MULTI: forms.multi,
    Form.MODEL: models.model,
    Form.MODEL_MULTI: models.model_multi,
    Form.MODEL_PLAIN: models.model_plain,
    Form.MODEL_GRAPH: forms.graph,
    Form.MODEL_BOUND: models.model_bound,
}
