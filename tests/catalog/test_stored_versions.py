"""The text of a version, kept by the database, is its record: whatever the values of its fields."""

import json
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.access.named_records import with_names
from pedigree.catalog import lookups
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import Reference
from pedigree.catalog.rows import version_json
from pedigree.errors import InvalidInputError
from pedigree.registry import Registry
from tests.factories import register

# As the view of the tables has it, from which the text is made.
FROM_TABLES = """
SELECT to_jsonb(v) - 'model_id' - 'name_key' AS fields FROM pedigree.version_in_full v
WHERE v.model_name = %(name)s AND v.version_id = %(version)s
"""
MARKS = '"\\{}[]:,\x01\x1f\x7f\u2028é😀 model_card_digest digest'
TEXTS = st.text(st.sampled_from(MARKS) | st.characters(exclude_categories=["Cs"]), max_size=12)
WORDS = TEXTS.filter(lambda text: text.strip() and "\0" not in text)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
DEEP = st.integers(1, 60).map(lambda levels: json.loads("[" * levels + "]" * levels))
OPTIONAL = st.none() | WORDS
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "tags": st.dictionaries(WORDS, WORDS, max_size=3),
        "owners": st.lists(WORDS, max_size=2),
        "metrics": st.dictionaries(WORDS, NUMBERS, max_size=3),
        "params": st.dictionaries(WORDS, JSON | DEEP, max_size=3),
        **dict.fromkeys(
            ("description", "ci_build", "code_version", "training_data_version"), OPTIONAL
        ),
        **dict.fromkeys(("validation_dataset_id", "drift_monitor_id", "datasheet_uri"), OPTIONAL),
        "risk_class": st.sampled_from([None, "high", "minimal"]),
        "git_dirty": st.booleans(),
    },
)


def test_the_text_of_a_version_is_the_record_of_its_tables(
    registry: Registry, tmp_path: Path
) -> None:
    contents = count()

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(fields=FIELDS, note=OPTIONAL)
    def check(fields: dict[str, Any], note: str | None) -> None:
        try:
            reference = register(registry, tmp_path, str(next(contents)), **fields)
        except InvalidInputError:
            return  # a value that no verb takes
        number = int(reference.rpartition("/")[2])
        if note is not None:
            registry.update(reference, tags={"note": note})
        wanted = Reference(name="churn", version=number)
        row = registry.database.read(lambda tx: lookups.find_version_row(tx, wanted))
        text = registry.context.names.shown_json(version_json(row).encode())
        assert ModelVersion.model_validate_json(text) == registry.get(reference)
        assert registry.get(reference) == from_tables(registry, number)

    check()


def from_tables(registry: Registry, number: int) -> ModelVersion:
    """Return the record that the columns of the tables make."""
    values = {"name": "churn", "version": number}
    (row,) = registry.database.fetch_all(FROM_TABLES, values)
    fields = row["fields"]
    card = fields.pop("model_card_digest")
    version = ModelVersion.model_validate_json(
        json.dumps(
            {
                **fields,
                "artifact_uri": f"pedigree://artifacts/{fields['digest']}",
                "model_card_uri": f"pedigree://blobs/{card}" if card else None,
            }
        )
    )
    return with_names(version, registry.context.names)
