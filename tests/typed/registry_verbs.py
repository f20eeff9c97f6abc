"""The type checker sees the whole signature of each verb, wherever the registry is.

A mark ``type: ignore`` that ignores nothing is an error of its own: so a call that is marked here
must be refused.
"""

from typing import assert_type

import pedigree
from pedigree.catalog.records import ModelVersion, Registration
from pedigree.client.remote import ServiceRegistry
from pedigree.contract.registry import RegistryContract
from pedigree.lifecycle.records import Move
from pedigree.registry import Registry


def both_registries_implement_the_contract(
    in_process: Registry, over_http: ServiceRegistry
) -> tuple[RegistryContract, RegistryContract]:
    return in_process, over_http


def what_connect_returns_has_the_verbs() -> None:
    with pedigree.connect() as registry:
        assert_type(registry, RegistryContract)
        assert_type(registry.get("churn@production"), ModelVersion)


def verbs_keep_their_parameters(registry: Registry) -> None:
    assert_type(registry.promote("churn/3", "production", reason="it is good"), Move)
    registry.promote("churn/3")  # type: ignore[call-arg]
    registry.promote("churn/3", 7)  # type: ignore[arg-type]
    registry.promote("churn/3", "production", cause="it is good")  # type: ignore[call-arg]


def declared_fields_are_keywords(registry: Registry) -> None:
    assert_type(registry.register("churn", "model", flavor="generic", run_id="7"), Registration)
    registry.register("churn", "model", flavor="generic", run_id=7)  # type: ignore[arg-type]


def verbs_over_http_keep_their_parameters(registry: ServiceRegistry) -> None:
    assert_type(registry.rollback("churn", reason="it is bad"), Move)
    registry.rollback("churn", "it is bad")  # type: ignore[call-arg]


def what_a_service_does_not_offer_is_in_the_groups(registry: Registry) -> None:
    assert_type(registry.operations.tokens.has_tokens(), bool)
    registry.has_tokens()  # type: ignore[attr-defined]
