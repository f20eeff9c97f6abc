"""Partition keys as parts of names: different keys, different names, and back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pedigree.catalog.names import name_key, validate_name
from pedigree.catalog.partitions import partition_in_name, partition_of_name
from pedigree.errors import InvalidNameError

# An alphabet in which equivalent, combining and escape characters are frequent.
_NEAR = st.text(
    alphabet="aAbB0139 ./:~|-_%@#\\ßſΣςσİıǅﬁＡ①é\u0301\u1100\u1161가模\u200d\x00", max_size=8
)
_KEYS = st.one_of(_NEAR, st.text(max_size=24))


@given(_KEYS)
@example("~3a~")
@example("~A")
@example("\ud800")
def test_a_key_is_read_from_the_name_as_it_was(key: str) -> None:
    assert partition_of_name(partition_in_name(key)) == key


@given(_KEYS, _KEYS)
@example("de", "DE")
@example("~D", "D")
@example("a:b", "a~3a~b")
@example("e\u0301", "\u00e9")
@example("\u1100\u1161", "\uac00")
@example("\uff21", "A")
@example("\u03c2", "\u03c3")
def test_different_keys_have_names_that_are_not_equivalent(one: str, other: str) -> None:
    names = [name_key(f"churn-{partition_in_name(key)}") for key in (one, other)]
    assert (names[0] == names[1]) == (one == other)


@given(_KEYS, st.sampled_from(["{}", "churn-{}", "{} churn", "{}é{}"]))
def test_an_encoded_key_is_part_of_a_valid_name(key: str, template: str) -> None:
    written = partition_in_name(key)
    if written:
        assert validate_name(template.format(written, written))


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("de", "de"),
        ("2026-03-01", "2026-03-01"),
        ("DE", "~D~E"),
        ("2026-03-01-05:00", "2026-03-01-05~3a~00"),
        ("home_improvement/2", "home_improvement~2f~2"),
        ("de|2026-03", "de|2026-03"),
        ("größe", "gr\u00f6~0df~e"),
        ("模型", "模型"),
        (" a b.", "~20~a b~2e~"),
        ("a~b", "a~7e~b"),
        ("", ""),
    ],
)
def test_the_rule_is_what_the_documents_say(key: str, written: str) -> None:
    assert partition_in_name(key) == written


@pytest.mark.parametrize(
    "text", ["A", "~", "~a", "~3a", "~3A~", "~61~", "~110000~", "~03a~", "a:b"]
)
def test_text_that_is_not_an_encoded_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError, match="is not an encoded partition key"):
        partition_of_name(text)
