"""Prompts and webhooks by an unmodified client of MLflow, without a tracking server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pedigree.access.records import Role
from pedigree.settings import Settings
from tests.factories import SECRET_KEY
from tests.mlflow.test_stock_client import pytestmark, run, token
from tests.receiving import LOOPBACK
from tests.server.conftest import Served, serving

__all__ = ["pytestmark"]

PROGRAM = Path(__file__).with_name("stock_prompts.py")
MISSING = "RESOURCE_DOES_NOT_EXIST"
INVALID = "INVALID_PARAMETER_VALUE"

EXPECTED: dict[str, Any] = {
    "registered": [1, "Hello {{x}}", "first", {"team": "a"}],
    "registered again": [2, "Hi {{x}}"],
    "chat": [
        1,
        [{"role": "system", "content": "Be {{style}}"}],
        {"type": "object"},
        {"temperature": 0.5},
    ],
    "by version": ["Hello {{x}}", "Hi {{x}}"],
    "formatted": "Hello Ann",
    "latest": [2, 2],
    "by alias": 1,
    "moved alias": 2,
    "alias shown": [2, ["production"]],
    "no alias": INVALID,
    "tag": {"owner": "ann", "team": "a"},
    "no tag": {"team": "a"},
    "version tag": {"state": "good", "team": "a"},
    "no version tag": {"team": "a"},
    "model config": {"model_name": "gpt", "temperature": 0.1},
    "no model config": None,
    "found": ["assistant", "greeting"],
    "found by name": ["greeting"],
    "found by tag": ["greeting"],
    "found by experiment": ["assistant"],
    "by pages": ["assistant", "greeting"],
    "models": ["churn"],
    "described": "first",
    "missing": None,
    "missing version": MISSING,
    "name of a model": INVALID,
    "name that is not allowed": INVALID,
    "a reader loads": "Hello {{x}}",
    "a reader may not register": "PERMISSION_DENIED",
    "latest after a deletion": 1,
    "deleted": ["assistant"],
    "webhook": ["ci", "tells CI", "ACTIVE", None],
    "its events": True,
    "listed": [True],
    "tested": [True, 200, None],
    "messages": {
        "example_prompt": ["prompt.created"],
        "fraud": [
            "registered_model.created",
            "model_version.created",
            "model_version_tag.set",
            "model_version_tag.deleted",
            "model_version_alias.created",
            "model_version_alias.deleted",
        ],
        "asked": ["prompt.created", "prompt_version.created"],
    },
    "signed": True,
    "ids": 9,
    "changed": ["cd", "DISABLED", True],
    "gone": MISSING,
}
"""What each step gives."""


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Served]:
    more = {"secret_key": SECRET_KEY, "webhook_networks": LOOPBACK}
    with serving(settings.model_copy(update=more)) as served:
        yield served


def test_a_stock_client_has_prompts_and_webhooks_without_a_tracking_server(
    served: Served, tmp_path: Path
) -> None:
    found = run(
        [PROGRAM, token(served, Role.READER)],
        tmp_path,
        MLFLOW_TRACKING_URI=served.url,
        MLFLOW_TRACKING_TOKEN=token(served, Role.ADMIN),
    )
    assert found == EXPECTED
