"""The events of MLflow's webhooks, as ``entity.action``."""

from enum import StrEnum


class MlflowKind(StrEnum):
    """The events of MLflow's webhooks, in the order of MLflow's protocol."""

    MODEL_CREATED = "registered_model.created"
    VERSION_CREATED = "model_version.created"
    VERSION_TAG_SET = "model_version_tag.set"
    VERSION_TAG_DELETED = "model_version_tag.deleted"
    ALIAS_CREATED = "model_version_alias.created"
    ALIAS_DELETED = "model_version_alias.deleted"
    PROMPT_CREATED = "prompt.created"
    PROMPT_VERSION_CREATED = "prompt_version.created"
    PROMPT_TAG_SET = "prompt_tag.set"
    PROMPT_TAG_DELETED = "prompt_tag.deleted"
    PROMPT_VERSION_TAG_SET = "prompt_version_tag.set"
    PROMPT_VERSION_TAG_DELETED = "prompt_version_tag.deleted"
    PROMPT_ALIAS_CREATED = "prompt_alias.created"
    PROMPT_ALIAS_DELETED = "prompt_alias.deleted"
    BUDGET_EXCEEDED = "budget_policy.exceeded"
    """Never sent, since a registry has no budgets."""

    @property
    def entity(self) -> str:
        """What changed, such as ``model_version``."""
        return self.partition(".")[0]

    @property
    def action(self) -> str:
        """How it changed, such as ``created``."""
        return self.partition(".")[2]
