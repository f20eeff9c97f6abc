"""The distances compared with scipy and numpy on raw values, and their properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedigree.monitoring.distances import (
    chi_square,
    chi_square_p,
    cramers_v,
    holm,
    jensen_shannon,
    kolmogorov_smirnov,
    kolmogorov_smirnov_p,
    missing_p,
    psi,
)
from tests.lazy import lazy

scipy = lazy("scipy")
spatial = lazy("scipy.spatial")

# Under load a single example may take any time; forty of these find what a hundred do.
QUICK = settings(max_examples=40, deadline=None)

MEASURES = [psi, jensen_shannon, kolmogorov_smirnov]
WITHOUT_ORDER = [psi, jensen_shannon, lambda before, now: chi_square(before, now)[0]]


@st.composite
def two_histograms(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    bins = draw(st.integers(1, 12))
    counts = st.lists(st.integers(0, 10_000), min_size=bins, max_size=bins)
    return draw(counts), draw(counts)


@QUICK
@given(two_histograms())
def test_no_distance_is_negative_and_each_is_symmetric(pair: tuple[list[int], list[int]]) -> None:
    before, now = pair
    for measure in MEASURES:
        assert measure(before, now) >= 0
        assert measure(before, now) == pytest.approx(measure(now, before), abs=1e-12)
    assert chi_square(before, now) == pytest.approx(chi_square(now, before))


@QUICK
@given(two_histograms(), st.integers(1, 5))
def test_equal_shares_have_no_distance(pair: tuple[list[int], list[int]], times: int) -> None:
    counts, _ = pair
    more = [count * times for count in counts]
    for measure in MEASURES:
        assert measure(counts, more) == pytest.approx(0, abs=1e-7)
    statistic, freedom = chi_square(counts, more)
    assert statistic == pytest.approx(0, abs=1e-7)
    assert chi_square_p(statistic, freedom) == pytest.approx(1)


@QUICK
@given(two_histograms(), st.randoms())
def test_distances_do_not_depend_on_the_order_of_categories(
    pair: tuple[list[int], list[int]], random: "np.random.Generator"
) -> None:
    order = list(range(len(pair[0])))
    random.shuffle(order)
    before, now = ([counts[place] for place in order] for counts in pair)
    for measure in WITHOUT_ORDER:
        assert measure(before, now) == pytest.approx(measure(*pair), abs=1e-9)


@QUICK
@given(two_histograms())
def test_bounded_distances_stay_within_their_bounds(pair: tuple[list[int], list[int]]) -> None:
    before, now = pair
    assert jensen_shannon(before, now) <= 1
    assert kolmogorov_smirnov(before, now) <= 1
    statistic, _ = chi_square(before, now)
    assert cramers_v(statistic, sum(before) + sum(now)) <= 1 + 1e-9


@QUICK
@given(two_histograms())
def test_jensen_shannon_equals_scipy_s(pair: tuple[list[int], list[int]]) -> None:
    before, now = pair
    if sum(before) and sum(now):
        expected = float(spatial.distance.jensenshannon(before, now, base=2))
        assert jensen_shannon(before, now) == pytest.approx(expected, abs=1e-7)


def test_the_stability_index_is_the_sum_of_its_source() -> None:
    before, now = np.array([10, 20, 30, 40]), np.array([25, 25, 25, 25])
    p, q = before / 100, now / 100
    assert psi(before, now) == pytest.approx(float(((q - p) * np.log(q / p)).sum()))
    # an empty bin is given a share, or its logarithm would not exist
    assert 0 < psi([0, 100], [50, 50]) < 10


def test_kolmogorov_smirnov_with_all_values_as_edges_equals_scipy_s_on_raw_values() -> None:
    random = np.random.default_rng(7)
    before, now = random.normal(size=400).round(2), random.normal(0.2, 1.1, 300).round(2)
    edges = [-np.inf, *np.unique(np.concatenate([before, now])), np.inf]
    binned = [np.histogram(values, [*edges[1:-1], np.inf])[0] for values in (before, now)]
    found = kolmogorov_smirnov(*(counts.tolist() for counts in binned))
    expected = scipy.stats.ks_2samp(before, now, method="asymp")
    assert found == pytest.approx(expected.statistic)
    assert kolmogorov_smirnov_p(found, 400, 300) == pytest.approx(expected.pvalue)


def test_kolmogorov_smirnov_with_few_edges_is_at_most_that_of_raw_values() -> None:
    random = np.random.default_rng(8)
    for shift in (0, 0.1, 1):
        before, now = random.normal(size=500), random.normal(shift, 1, 500)
        edges = [-np.inf, *np.quantile(before, np.linspace(0.1, 0.9, 9)), np.inf]
        binned = [np.histogram(values, edges)[0].tolist() for values in (before, now)]
        assert kolmogorov_smirnov(*binned) <= scipy.stats.ks_2samp(before, now).statistic + 1e-12


def test_chi_square_equals_scipy_s() -> None:
    before, now = [120, 90, 40, 25], [80, 95, 60, 22]
    expected = scipy.stats.chi2_contingency([before, now], correction=False)
    statistic, freedom = chi_square(before, now)
    assert (statistic, freedom) == (pytest.approx(expected.statistic), expected.dof)
    assert chi_square_p(statistic, freedom) == pytest.approx(expected.pvalue)
    v = scipy.stats.contingency.association(np.array([before, now]), method="cramer")
    assert cramers_v(statistic, sum(before) + sum(now)) == pytest.approx(v)


def test_categories_with_few_expected_values_are_pooled() -> None:
    before, now = [500, 480, 3, 2, 1, 0], [490, 505, 1, 0, 2, 2]
    assert chi_square(before, now)[1] == 2  # the rare four are one
    assert chi_square([5, 0], [0, 3]) == (0.0, 0)


@pytest.mark.parametrize(
    ("before", "now"), [((0, 1000), (3, 500)), ((20, 980), (10, 490)), ((0, 80_000), (200, 0))]
)
def test_missing_values_are_compared_by_fisher_s_exact_test(
    before: tuple[int, int], now: tuple[int, int]
) -> None:
    expected = scipy.stats.fisher_exact([before, now]).pvalue
    assert missing_p(before, now) == pytest.approx(expected)


def test_no_missing_values_before_and_now_are_no_difference() -> None:
    assert missing_p((0, 100), (0, 50)) == 1.0
    assert missing_p((0, 0), (3, 5)) == 1.0


@QUICK
@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_keeps_the_order_and_reduces_no_p_value(p_values: list[float]) -> None:
    corrected = holm(p_values)
    assert all(after >= before for before, after in zip(p_values, corrected, strict=True))
    assert all(0 <= each <= 1 for each in corrected)
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [corrected[place] for place in order] == sorted(corrected)


@QUICK
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0.001, 0.5))
def test_holm_rejects_what_the_step_down_procedure_rejects(
    p_values: list[float], alpha: float
) -> None:
    rejected = 0
    for rank, p_value in enumerate(sorted(p_values)):
        if p_value > alpha / (len(p_values) - rank):
            break
        rejected += 1
    close = sum(abs(each - alpha) < 1e-12 for each in holm(p_values))
    assert abs(sum(each <= alpha for each in holm(p_values)) - rejected) <= close
