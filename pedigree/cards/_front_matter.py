"""The YAML front matter of a model card, with the fields of Hugging Face's model cards.

Unknown fields are left out. ``model-index`` lists a result only if the task and the evaluation data
have names, because the format requires both.
"""

from collections.abc import Iterator, Sequence

from pedigree.cards.records import CardNotes
from pedigree.catalog.metadata_records import RecordedMetadata
from pedigree.catalog.records import ModelVersion, Training

FRONT_MATTER_END = "\n---\n"
"""What is between the front matter and the text of a card."""


def front_matter(version: ModelVersion, training: Training | None, notes: CardNotes) -> str:
    """Return the front matter, from ``---`` to ``---``."""
    metadata: RecordedMetadata = training.metadata if training else version
    lines = [
        "---",
        f"model_name: {_scalar(version.model_name)}",
        *_single("license", notes.license),
        *_several("language", notes.languages),
        *_single("library_name", None if version.flavor == "generic" else version.flavor),
        *_single("pipeline_tag", notes.task),
        *_several("tags", [f"{key}:{version.tags[key]}" for key in sorted(version.tags)]),
        *_several("metrics", sorted(metadata.metrics)),
        *_model_index(version, metadata, notes),
        "pedigree:",
        f"  version: {version.version_id}",
        f"  digest: {_scalar(version.digest)}"
        if version.digest
        else f"  state: {_scalar(version.state)}",
        "---",
    ]
    return "\n".join(lines)


def _model_index(
    version: ModelVersion, metadata: RecordedMetadata, notes: CardNotes
) -> Iterator[str]:
    if not (notes.task and metadata.validation_dataset_id and metadata.metrics):
        return
    data = _scalar(metadata.validation_dataset_id)
    yield "model-index:"
    yield f"- name: {_scalar(version.model_name)}"
    yield "  results:"
    yield f"  - task: {{type: {_scalar(notes.task)}}}"
    yield f"    dataset: {{name: {data}, type: {data}}}"
    yield "    metrics:"
    for name in sorted(metadata.metrics):
        yield f"    - {{type: {_scalar(name)}, value: {metadata.metrics[name]!r}}}"


def _single(key: str, value: str | None) -> Iterator[str]:
    if value:
        yield f"{key}: {_scalar(value)}"


def _several(key: str, values: Sequence[str]) -> Iterator[str]:
    if values:
        yield f"{key}: [{', '.join(map(_scalar, values))}]"


def _scalar(text: str) -> str:
    """Return text as a double-quoted YAML scalar."""
    return f'"{"".join(map(_character, text))}"'


def _character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    # A reader of Markdown that knows no front matter takes it for text, with tags and links.
    is_plain = character.isprintable() and character not in "<>&["
    return character if is_plain else f"\\U{ord(character):08x}"
