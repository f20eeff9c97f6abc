"""Code snippets that load and serve one exact version, ready to run."""

import json
import shlex
from collections.abc import Iterator
from typing import Literal, TypeAlias
from urllib.parse import quote

from pydantic import Field, JsonValue

from pedigree._record import Record
from pedigree.artifacts.records import Digest, Manifest
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.sealed import sealed_digest
from pedigree.signatures.records import Column, ColumnType, Signature

Purpose: TypeAlias = Literal["load", "serve"]
Language: TypeAlias = Literal["python", "cli", "curl", "dagster"]

# Models of these flavors have a predict() that takes a DataFrame, and loading runs no unknown code.
_PREDICTS_FRAMES = frozenset({"lightgbm", "sklearn"})
_EXAMPLES: dict[ColumnType, JsonValue] = {
    ColumnType.BOOLEAN: True,
    ColumnType.INTEGER: 1,
    ColumnType.LONG: 1,
    ColumnType.FLOAT: 0.5,
    ColumnType.DOUBLE: 0.5,
}


class Snippet(Record):
    """Some lines of code, and their purpose."""

    purpose: Purpose
    language: Language = Field(description="curl and cli are for a POSIX shell")
    text: str


class Snippets(Record):
    """The snippets for one version."""

    reference: str
    digest: Digest
    snippets: tuple[Snippet, ...]

    def text(self, purpose: Purpose, language: Language) -> str:
        """Return the lines for a purpose in a language.

        Raises:
            KeyError: There are none, such as for serving a model that takes no table.
        """
        return {(one.purpose, one.language): one.text for one in self.snippets}[purpose, language]


def snippets_of(version: ModelVersion, manifest: Manifest) -> Snippets:
    """Return the snippets for exactly one version, independent of later moves of its aliases.

    Raises:
        NotSealedError: The registry does not have its bytes.
    """
    found = [*_loading(version, manifest)]
    if version.flavor in _PREDICTS_FRAMES and _row(version.signature) is not None:
        found += _serving(version)
    return Snippets(
        reference=version.reference, digest=sealed_digest(version), snippets=tuple(found)
    )


def load_snippet(version: ModelVersion) -> str:
    """Return the Python lines that load a version."""
    return (
        "import pedigree\n\n"
        "with pedigree.connect() as registry:\n"
        f"    model = registry.load({version.reference!r})  # {version.digest}\n"
    )


def _loading(version: ModelVersion, manifest: Manifest) -> Iterator[Snippet]:
    reference, folder = version.reference, f"{version.model_name}-{version.version_id}"
    pull = f"pedigree pull -- {shlex.quote(reference)} {shlex.quote(f'./{folder}')}\n"
    dagster = (
        "import dagster as dg\n"
        "from pedigree.dagster import RegistryResource, registry_resources\n\n\n"
        "@dg.asset\n"
        "def scores(context: dg.AssetExecutionContext, registry: RegistryResource) -> None:\n"
        f"    model = registry.bind(context).load({reference!r})  # recorded as an input\n"
        "\n\n"
        "defs = dg.Definitions([scores], resources=registry_resources())\n"
    )
    yield Snippet(purpose="load", language="python", text=load_snippet(version))
    yield Snippet(purpose="load", language="cli", text=pull)
    yield Snippet(purpose="load", language="curl", text=_curl(version, manifest, folder))
    yield Snippet(purpose="load", language="dagster", text=dagster)


def _curl(version: ModelVersion, manifest: Manifest, folder: str) -> str:
    """Return the shell commands that download each file and compare its digest."""
    name = quote(version.model_name, safe="")
    base = f"$PEDIGREE_API_URL/api/v1/models/{name}/versions/{version.version_id}/download"
    lines = [
        "curl --fail --silent --show-error --location --create-dirs \\",
        '  --header "Authorization: Bearer $PEDIGREE_TOKEN"',
    ]
    sums = []
    for file in manifest.files:
        target = shlex.quote(f"./{folder}/{file.path}")
        lines[-1] += " \\"
        lines.append(f'  --output {target} "{base}/{quote(file.path)}"')
        sums.append(f"{file.digest.removeprefix('sha256:')}  ./{folder}/{file.path}")
    listed = " ".join(map(shlex.quote, sums))
    return "\n".join([*lines, f"printf '%s\\n' {listed} | sha256sum --check --quiet\n"])


def _serving(version: ModelVersion) -> Iterator[Snippet]:
    name = version.model_name
    python = (
        "from typing import Any\n\n"
        "import pandas as pd\n"
        "import pedigree\n"
        "from fastapi import FastAPI\n\n"
        "with pedigree.connect() as registry:\n"
        f"    model: Any = registry.load({version.reference!r})  # {version.digest}\n"
        "app = FastAPI()\n\n\n"
        '@app.post("/predict")\n'
        "def predict(rows: list[dict[str, Any]]) -> list[Any]:\n"
        "    return model.predict(pd.DataFrame(rows)).tolist()\n"
    )
    dagster = (
        "from typing import Any\n\n"
        "import dagster as dg\n"
        "from pedigree.dagster import promotion_condition, stage_key\n\n\n"
        "@dg.asset(\n"
        f'    ins={{"model": dg.AssetIn(stage_key({name!r}, "production"))}},\n'
        "    automation_condition=promotion_condition(),  # scores again after each promotion\n"
        ")\n"
        "def scores(model: Any, customers: Any) -> Any:\n"
        "    return model.predict(customers)\n"
    )
    rows = shlex.quote(json.dumps([_row(version.signature)], ensure_ascii=False))
    curl = (
        "curl --fail --silent --show-error --header 'Content-Type: application/json' \\\n"
        f'  --data {rows} "${{MODEL_URL:-http://127.0.0.1:8000}}/predict"\n'
    )
    yield Snippet(purpose="serve", language="python", text=python)
    yield Snippet(purpose="serve", language="cli", text="uvicorn serve:app --port 8000\n")
    yield Snippet(purpose="serve", language="curl", text=curl)
    yield Snippet(purpose="serve", language="dagster", text=dagster)


def _row(signature: Signature | None) -> dict[str, JsonValue] | None:
    """Return an example row for a model; None unless it is known to take a plain table."""
    if signature is None:
        return None
    row: dict[str, JsonValue] = {}
    for column in signature.inputs:
        if not isinstance(column, Column) or column.type not in _EXAMPLES:
            return None
        row[column.name] = _EXAMPLES[column.type]
    return row
