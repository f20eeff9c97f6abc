"""Values by group as dots: the order and the scale say what the numbers say."""

import re

import pytest

from pedigree.server.web.pictures.dots import Dot, group_dots


def places(*values: float, overall: float | None = None) -> list[float]:
    dots = [Dot(f"g{place}", value, "") for place, value in enumerate(values)]
    drawn = group_dots(dots, overall, "a label")
    return [float(x) for x in re.findall(r'<circle class="g-dot" cx="([\d.]+)"', drawn)]


@pytest.mark.parametrize(
    "values", [(1.0, 2.0, 3.0), (-1e308, 0.0, 1e308), (-2.0, -1.0, -0.5), (1e-300, 2e-300, 3e-300)]
)
def test_a_larger_value_is_farther_right(values: tuple[float, ...]) -> None:
    found = places(*values)
    assert found == sorted(found)
    assert len(set(found)) == len(values)


def test_equal_values_are_on_one_line() -> None:
    assert len(set(places(0.5, 0.5, overall=0.5))) == 1


def test_the_value_over_all_has_a_place_on_the_same_scale() -> None:
    drawn = group_dots([Dot("a", 0.2, ""), Dot("b", 0.8, "")], 0.8, "label")
    (line,) = re.findall(r'<line class="nowline" x1="([\d.]+)"', drawn)
    assert float(line) == places(0.2, 0.8)[1]
    assert "all: 0.8000" in drawn


def test_names_are_shortened_and_escaped() -> None:
    drawn = group_dots([Dot("<b>" + "x" * 200, 1.0, "<i>")], None, 'a "label"')
    assert "<b>" not in drawn
    assert "<i>" not in drawn
    assert "…" in drawn
    assert "x" * 200 in drawn  # whole in the title
