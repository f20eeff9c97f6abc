"""Examples of the messages of MLflow's webhooks, for tests of a receiver."""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import JsonValue

from pedigree.delivery.mlflow_kinds import MlflowKind
from pedigree.delivery.mlflow_messages import MlflowMessage

_NAME, _PROMPT = "example_model", "example_prompt"
_TAG = {"key": "example_key", "value": "example_value"}
_KEY = {"key": "example_key"}
_ALIAS = {"alias": "example_alias"}
_TAGS: dict[str, JsonValue] = {"tags": {"example_key": "example_value"}}

_DATA: Mapping[MlflowKind, dict[str, JsonValue]] = MappingProxyType(
    {
        MlflowKind.MODEL_CREATED: {"name": _NAME, **_TAGS, "description": "An example model"},
        MlflowKind.VERSION_CREATED: {
            "name": _NAME,
            "version": "1",
            "source": "s3://example/model",
            "run_id": "abcd1234abcd5678",
            **_TAGS,
            "description": "An example version",
        },
        MlflowKind.VERSION_TAG_SET: {"name": _NAME, "version": "1", **_TAG},
        MlflowKind.VERSION_TAG_DELETED: {"name": _NAME, "version": "1", **_KEY},
        MlflowKind.ALIAS_CREATED: {"name": _NAME, **_ALIAS, "version": "1"},
        MlflowKind.ALIAS_DELETED: {"name": _NAME, **_ALIAS},
        MlflowKind.PROMPT_CREATED: {"name": _PROMPT, **_TAGS, "description": "An example prompt"},
        MlflowKind.PROMPT_VERSION_CREATED: {
            "name": _PROMPT,
            "version": "1",
            "template": "Hello {{name}}!",
            **_TAGS,
            "description": "An example version",
        },
        MlflowKind.PROMPT_TAG_SET: {"name": _PROMPT, **_TAG},
        MlflowKind.PROMPT_TAG_DELETED: {"name": _PROMPT, **_KEY},
        MlflowKind.PROMPT_VERSION_TAG_SET: {"name": _PROMPT, "version": "1", **_TAG},
        MlflowKind.PROMPT_VERSION_TAG_DELETED: {"name": _PROMPT, "version": "1", **_KEY},
        MlflowKind.PROMPT_ALIAS_CREATED: {"name": _PROMPT, **_ALIAS, "version": "1"},
        MlflowKind.PROMPT_ALIAS_DELETED: {"name": _PROMPT, **_ALIAS},
        MlflowKind.BUDGET_EXCEEDED: {
            "budget_policy_id": "bp-example",
            "budget_unit": "USD",
            "budget_amount": 100.0,
            "current_spend": 105.5,
            "duration_unit": "MONTHS",
            "duration_value": 1,
            "target_scope": "GLOBAL",
            "workspace": "default",
            "target_value": None,
            "window_start": 1_704_067_200_000,
        },
    }
)


def example_of(kind: MlflowKind) -> MlflowMessage:
    """Return an example of a kind of messages, with the fields that MLflow documents."""
    return MlflowMessage(kind, _DATA[kind])
