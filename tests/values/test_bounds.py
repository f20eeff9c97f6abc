"""The bounds of values: what is checked, what a message says, and what an index takes."""

import base64
import os
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import to_json

from pedigree._plain_values import is_plain
from pedigree._storable import storable, storable_text
from pedigree._values import (
    JSON_BYTES,
    JSON_DEPTH,
    KEY_BYTES,
    RECORD_BYTES,
    TEXT_BYTES,
    Bound,
    _Check,
    bounds_of,
    require_values,
)
from pedigree.audit.records import Actor
from pedigree.catalog.records import DeclaredMetadata, TrainingOrigin
from pedigree.contract.verbs import RegistryVerbs, Verb
from pedigree.datasets.records import Datasheet, DataState, DataVerdict
from pedigree.errors import InvalidInputError, InvalidMetadataError
from pedigree.lifecycle.records import Verdict
from pedigree.lineage.records import LineageGraph, LineageNode, NodeKind
from pedigree.lineage.usages import NewUsage
from pedigree.postgres import Database
from pedigree.registry import Registry
from pedigree.server.app import create_app
from tests.factories import new_version, register
from tests.values.bad import VALID, deep, verbs

VERDICT: Verdict = VALID["verdict"]


def key() -> str:
    """A text of as many bytes as a key may have, which nothing compresses."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()[:KEY_BYTES]


def refused(value: Any, error: type[InvalidInputError] = InvalidInputError) -> str:
    with pytest.raises(error) as found:
        require_values(value)
    return str(found.value)


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ({"a": {"b": [1, float("nan")]}}, "details.a.b.1: is not a finite number (got nan)"),
        ({"a": float("-inf")}, "details.a: is not a finite number (got -inf)"),
        ({"a": "secret\0"}, "details.a: has a NUL character. Leave it out."),
        ({"a\0": 1}, "details.a key: has a NUL character"),
        ({"a": "\ud800"}, "details.a: is not Unicode text"),
        ({"a": 10**400}, "details.a: is an integer beyond 64-bit floats"),
        ({"a": deep(JSON_DEPTH)}, f"details.a: is nested deeper than {JSON_DEPTH} levels"),
        ({"a": "x" * JSON_BYTES}, f"details: has {JSON_BYTES + 8:,} bytes as JSON, more than"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_json_value_is_refused_by_its_key_and_no_message_shows_a_private_value(
    details: dict[str, Any], message: str
) -> None:
    found = refused(VERDICT.model_copy(update={"details": details}))
    assert found.startswith(message)
    assert "secret" not in found


TEXTS = st.text(st.characters(codec=None, min_codepoint=0), max_size=30)
SCALARS = st.one_of(
    *(TEXTS, st.floats(), st.booleans(), st.none(), st.integers()),
    st.sampled_from([10**400, -(10**300), "é" * 300, "x" * 900, "NaN", float("-inf"), Path("a\0")]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@given(value=VALUES, depth=st.integers(0, JSON_DEPTH + 1), size=st.integers(KEY_BYTES, TEXT_BYTES))
@example(value="a", depth=JSON_DEPTH, size=KEY_BYTES)
@example(value="x" * (KEY_BYTES + 1), depth=0, size=KEY_BYTES)
def test_what_passes_without_a_check_passes_the_check(value: Any, depth: int, size: int) -> None:
    for _ in range(depth):
        value = [value]
    for bound in (Bound(size), Bound(size, is_json=True)):
        for given_value in (value, VERDICT.model_copy(update={"details": {"a": value}})):
            if is_plain(given_value, bound.size, min(bound.size, KEY_BYTES)):
                _Check(InvalidInputError).visit(given_value, "", bound, 0)


def test_values_at_the_bounds_are_accepted() -> None:
    details = {"a": deep(JSON_DEPTH - 1), "b": "x" * (JSON_BYTES - 800), "c": 10**300}
    fields = {"details": details, "summary": "é" * (TEXT_BYTES // 2), "check": "x" * KEY_BYTES}
    require_values(VERDICT.model_copy(update=fields))


def test_a_text_is_measured_in_bytes() -> None:
    assert f"{TEXT_BYTES + 2:,} bytes" in refused(
        VERDICT.model_copy(update={"summary": "é" * (TEXT_BYTES // 2 + 1)})
    )
    assert f"{KEY_BYTES + 1} bytes" in refused(
        VERDICT.model_copy(update={"check": "x" * (KEY_BYTES + 1)})
    )


def test_a_record_is_bounded_as_a_whole() -> None:
    packages = tuple(f"package-{number}=={'1' * 40_000}" for number in range(120))
    found = refused(new_version().model_copy(update={"environment": packages}))
    assert f"more than {RECORD_BYTES:,}" in found


def test_a_field_of_the_metadata_is_named_alone_with_the_error_of_metadata() -> None:
    new = new_version(params={"lr": float("nan")})
    assert refused(new, InvalidMetadataError).startswith("params.lr: is not a finite number")


def test_a_structure_that_holds_itself_is_refused() -> None:
    cycle: dict[str, Any] = {}
    cycle["a"] = cycle
    assert "nested deeper" in refused(VERDICT.model_copy(update={"details": cycle}))


@pytest.mark.timeout(10)
def test_a_structure_of_equal_parts_is_measured_before_it_is_written() -> None:
    many: Any = ["x" * 100]
    for _ in range(50):
        many = [many, many]
    assert "too large" in refused(VERDICT.model_copy(update={"details": {"a": many}}))


def test_texts_at_their_bound_fit_every_index(registry: Registry, tmp_path: Path) -> None:
    origin = TrainingOrigin(instance_id=key(), step_key=key(), asset=key(), partition=key())
    nodes = (
        LineageNode(node_id=0, kind=NodeKind.STEP, asset=key(), partition=key(), upstream=(key(),)),
    )
    actor = Actor(name=key(), source="test")
    fields = {"run_id": key(), "code_version": key(), "tags": {key(): key()}, "owners": (key(),)}
    lineage = LineageGraph(nodes=nodes)
    reference = register(
        registry.acting_as(actor), tmp_path, "a", origin=origin, lineage=lineage, **fields
    )
    version = registry.get(reference)
    verdict = {"check": key(), "digest": version.digest, "run_id": key()}
    registry.record_verdict(reference, VERDICT.model_copy(update=verdict), actor=actor)
    state = DataState(asset=key(), partition=key(), data_version=key(), storage_id=1)
    registry.record_data_verdict(
        DataVerdict(**dict(state), check=key(), passed=True, summary="good"), actor=actor
    )
    registry.set_datasheet(key(), Datasheet(uses="all"), actor=actor)
    registry.quarantine(key(), key(), reason="doubled")
    use = NewUsage(asset=key(), partitions=(key(),), run_id=key(), instance_id=key())
    registry.operations.usages.record_usage(reference, use)
    registry.operations.asset_events.see_instance(key())
    for alias in ("é" * 255, "x" * 255):
        registry.set_alias("churn", alias, 1)
    assert len(registry.events()) == 8


def test_a_value_that_is_too_long_for_the_database_is_the_callers_error(database: Database) -> None:
    statements = (
        "SELECT to_tsvector('simple', string_agg(n::text, ' ')) FROM generate_series(1, 200000) n",
        "SELECT repeat('[', 100000)::jsonb",
        "SELECT 'x'::int",
        "SELECT 10::numeric ^ 400::numeric::float8",
    )
    for statement in statements:
        with pytest.raises(InvalidInputError):
            database.fetch_all(statement)  # type: ignore[arg-type] # no literal
    for value in ("\0", "\ud800"):
        with pytest.raises(InvalidInputError, match="not Unicode"):
            database.fetch_all("SELECT %s", [value])


def test_every_verb_is_called_through_the_entrance() -> None:
    names = {name for name, verb in vars(RegistryVerbs).items() if isinstance(verb, Verb)}
    public = {name for name in dir(RegistryVerbs) if not name.startswith("_")}
    assert public == names
    # Of these, any object is a value.
    anything = {
        f"{verb}.{name}"
        for verb, function in verbs().items()
        for name, hint in get_type_hints(function).items()
        if name != "return" and hint in (object, object | None, Any)
    }
    assert anything == {
        *("register.sample", "register.sample_outputs", "register_model.model"),
        *("register_model.sample", "register_model.sample_outputs", "measure_drift.data"),
    }


STATED = ("params", "tags", "metrics", "owners", "run_id", "flavor")


def test_the_openapi_document_states_the_bounds() -> None:
    document = create_app().openapi()
    schemas = document["components"]["schemas"]
    stated = schemas["DeclaredMetadata"]["properties"]
    bounds = bounds_of(DeclaredMetadata)
    assert {name: stated[name]["x-max-bytes"] for name in STATED} == {
        name: bounds[name].size for name in STATED
    }
    assert stated["params"]["x-max-depth"] == JSON_DEPTH
    assert schemas["Verdict"]["properties"]["details"]["x-max-bytes"] == JSON_BYTES
    text = document["info"]["description"]
    for size in (TEXT_BYTES, KEY_BYTES, JSON_BYTES, RECORD_BYTES):
        assert f"{size:,}" in text


def test_json_of_other_systems_is_stored_within_the_bounds() -> None:
    found = {
        "nan": float("nan"),
        "text": "a\0b\ud800",
        "deep": deep(500),
        "long": ["x" * 100_000] * 3,
        "integer": 2**60,
        "object": object(),
        "\0": {"\ud800": {1, 2}},
        "kept": {"auc": 0.9, "rows": [1, None, True]},
    }
    stored = storable(found)
    require_values(VERDICT.model_copy(update={"details": stored}))
    assert stored["kept"] == found["kept"]
    assert stored["nan"] == "nan"
    assert stored["text"] == "a\\x00b\\ud800"
    assert stored["long"] == "(left out: 300,019 bytes)"
    assert "nested deeper" in str(stored["deep"])
    require_values(VERDICT.model_copy(update={"summary": storable_text("é" * TEXT_BYTES)}))


def test_a_large_lineage_graph_is_no_large_record() -> None:
    nodes = tuple(
        LineageNode(node_id=number, kind=NodeKind.MATERIALIZATION, asset=f"asset/{number}")
        for number in range(20_000)
    )
    new = new_version(lineage=LineageGraph(nodes=nodes))
    assert len(to_json(new)) > RECORD_BYTES / 2
    require_values(new)
