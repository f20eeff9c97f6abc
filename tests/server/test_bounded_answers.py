"""Every answer of the service that has a list has pages, or a stated bound."""

from typing import Any

from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from pedigree.lifecycle.pointer_names import MOST_ALIASES
from tests.server.routes import protected

# Why the answer has a bound, although it has a list and no pages.
ONE_REGISTRATION = "what one registration, of at most 4 MiB, recorded"
ONE_MODEL = f"a model has at most {MOST_ALIASES} aliases, and the stages of its policy"
ONE_POLICY = "a policy is one record"
WITHOUT_PAGES = {
    **dict.fromkeys(("get_model", "list_aliases"), ONE_MODEL),
    **dict.fromkeys(("get_version", "get_alias", "get_holder"), ONE_REGISTRATION),
    **dict.fromkeys(("get_environment", "get_lineage", "get_upstream"), ONE_REGISTRATION),
    **dict.fromkeys(("get_retraining", "get_staleness", "list_files"), ONE_REGISTRATION),
    **dict.fromkeys(("compare", "diff"), "two registrations"),
    **dict.fromkeys(("get_policy", "list_registration_checks"), ONE_POLICY),
    "explain": "the gates of one stage of the policy, without the comments of decisions",
    **dict.fromkeys(("get_evaluation", "get_profile", "get_drift"), "one record"),
    **dict.fromkeys(("get_webhook", "get_delivery", "get_upload"), "one record"),
    "explain_access": "one answer for each permission, by the grants and tokens of one principal",
    "get_card_fields": "the fields of a card",
    "get_snippets": "a few lines of code for each way to load",
    "get_stats": "the tiers of the store",
    "sign_urls": "the files of one registration",
    "whoami": "the roles of one principal, the patterns of its token, and its few identities",
    "get_log_consistency": "two hashes for each level of the tree",
}
# These stream, or have a text that is bounded where it is made.
WITHOUT_RECORDS = {
    *("download", "get_drift_report", "plan_gc", "metrics"),
    *("get_log_checkpoint", "get_log_tile", "get_log_events"),
    # SCIM has lists of its own, which test_scim.py bounds, and two types with two schemas.
    *("list_scim_users", "get_scim_user", "list_scim_groups", "get_scim_group"),
    *("get_scim_config", "list_scim_types", "get_scim_type", "list_scim_schemas"),
    "get_scim_schema",
}


def test_every_answer_with_a_list_has_pages_or_another_bound() -> None:
    lists, others = set(), set()
    for each in protected("GET"):
        assert isinstance(each.route, APIRoute)
        model = (each.route.responses.get(200) or {}).get("model")
        asked = {field.alias for field in each.route.dependant.query_params}
        if model is None:
            others.add(each.route.name)
        elif "limit" not in asked and has_list(model):
            lists.add(each.route.name)
    assert lists == WITHOUT_PAGES.keys()
    assert others == WITHOUT_RECORDS


def has_list(model: Any) -> bool:
    """Whether a JSON document has an array, or an object of any keys, at any depth."""
    schema = str(TypeAdapter(model).json_schema(mode="serialization"))
    return "'type': 'array'" in schema or "'additionalProperties': {" in schema
