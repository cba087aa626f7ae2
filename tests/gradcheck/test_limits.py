"""Where the checker draws its lines: for each criterion a case on either side, near enough to see it move."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchgan import functional as F
from scratchgan.tensor import record
from scratchgan.testing import __main__ as report
from scratchgan.testing import check_adjoint, check_grads, explain, worst_errors
from scratchgan.testing.check import Slope, allowed


def slope(gradient=1.0, left=1.0, right=1.0, nearer=None, value=0.0):
    """A slope of one argument without axes, as a difference with step 1e-5 might give it."""
    point = SimpleNamespace(
        eps=1e-5, order=1, names=["argument 0"], here=[np.array(value)], cotangents=[np.array(1.0)], slope=nearer
    )
    return Slope(point, 0, np.array(1.0), np.array(gradient), left, right)


# Errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "gradient, numeric, error", [(2e-3, 1e-3, 1 / 4), (0.0, 1e-3, 1 / 2), (3.0, 1.0, 2 / 4.001), (1.0, -1.0, 2 / 2.001)]
)
def test_an_error_is_the_gap_relative_to_both_slopes_and_a_thousandth(gradient, numeric, error):
    assert slope(gradient, numeric, numeric).error == pytest.approx(error, rel=1e-12)


def test_the_norm_of_the_whole_gradient_counts_and_not_its_part_along_the_direction():
    one = Slope(None, 0, np.array([1.0, 0.0]), np.array([2.0, 1.5]), 1.0, 1.0)
    assert one.error == pytest.approx(1 / (2.5 + 1 + 1e-3), rel=1e-12)


def test_each_order_is_allowed_ten_times_the_one_before():
    assert [allowed(order) for order in (1, 2, 3)] == pytest.approx([1e-6, 1e-5, 1e-4], rel=1e-12)
    assert allowed(2, rtol=1e-3) == pytest.approx(1e-2)


def first_order(delta):
    """x with a derivative too large by the factor 1 + δ."""
    return lambda x: record(x.data.copy(), (x, lambda g, y: g * (1 + delta)))


def second_order(delta):
    """x² / 2, whose second derivative is too small by the factor 1 − δ."""
    return lambda x: record(x.data**2 / 2, (x, lambda g, y: g * ((1 - delta) * x + delta * x.detach())))


@pytest.mark.parametrize("order, wrong", [(1, first_order), (2, second_order)])
@pytest.mark.parametrize("rtol", [1e-6, 1e-5])
def test_check_grads_passes_just_below_its_tolerance_and_fails_just_above(order, wrong, rtol):
    x = [np.array([1.5])]
    per_delta = worst_errors(wrong(1e-3), x, order)[-1] / 1e-3
    limit = rtol * 10 ** (order - 1) / per_delta
    check_grads(wrong(0.9 * limit), x, order, rtol=rtol)
    with pytest.raises(AssertionError, match=f"wrong derivative of order {order}"):
        check_grads(wrong(1.1 * limit), x, order, rtol=rtol)


def test_by_default_it_is_a_millionth():
    x = [np.array([1.5])]
    limit = 1e-6 / (worst_errors(first_order(1e-3), x, 1)[0] / 1e-3)
    check_grads(first_order(0.9 * limit), x, 1)
    with pytest.raises(AssertionError, match="wrong derivative"):
        check_grads(first_order(1.1 * limit), x, 1)


def test_the_adjoint_identity_holds_to_twelve_digits():
    """⟨y, x⟩ and (1 + δ) ⟨y, x⟩ differ by δ / 2 of the sum of their sizes."""
    x = np.array([1.0])
    check_adjoint(lambda x: x * 1, x, lambda y: y * (1 + 1.8e-12))
    with pytest.raises(AssertionError, match="differ"):
        check_adjoint(lambda x: x * 1, x, lambda y: y * (1 + 2.2e-12))


# Kinks ---------------------------------------------------------------------------------------------------------------


def test_a_kink_is_a_jump_of_the_slope_by_a_thousandth():
    bent = lambda kappa: lambda x: x + kappa * F.abs(x)  # noqa: E731
    check_grads(bent(0.9e-3), [np.array([0.0])], 1)
    with pytest.raises(AssertionError, match="a kink"):
        check_grads(bent(1.1e-3), [np.array([0.0])], 1)


def beyond(share):
    """A gap of 1 between the slopes to both sides, of which a share is left at a tenth of the step."""
    return slope(left=0.5, right=1.5, nearer=lambda *_: slope(left=0.0, right=share))


@pytest.mark.parametrize("share, bent", [(0.079, True), (0.081, False), (0.119, False), (0.121, True), (1.0, True)])
def test_curvature_shrinks_with_the_step_and_a_kink_does_not(share, bent):
    assert bool(explain.kink(beyond(share))) is bent


@pytest.mark.parametrize("half, bent", [(0.4e-6, False), (0.6e-6, True)])
def test_a_gap_of_a_millionth_is_none(half, bent):
    stays = lambda *_: slope(left=-half, right=half)  # noqa: E731
    assert bool(explain.kink(slope(left=-half, right=half, nearer=stays))) is bent


@pytest.mark.parametrize("value, bent", [(0.8e8, True), (1.2e8, False)])
def test_a_gap_that_may_be_rounding_is_none(value, bent):
    """Values of v have slopes certain to 2.2e-16 v / 1e-5; the gap here is 100 times that of 1e8, 0.22."""
    half = 0.111
    stays = lambda *_: slope(left=-half, right=half)  # noqa: E731
    assert bool(explain.kink(slope(left=-half, right=half, nearer=stays, value=value))) is bent


# Causes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap, rounded", [(0.8, True), (1.2, False)])
def test_rounding_is_the_cause_of_gaps_below_ten_times_what_it_may_be(gap, rounded):
    value = 0.1 / np.finfo(float).eps * 1e-5  # slopes are certain to 0.1
    one = slope(1.0 + gap, 1.0, 1.0, value=value, nearer=lambda *_: slope(3.0, 1.0, 1.0))
    assert explain.likely_cause(one, one).startswith("rounding") is rounded


@pytest.mark.parametrize("drift, common", [(0.5e-4, True), (2e-4, False)])
def test_a_factor_is_common_if_it_is_the_same_to_four_digits(drift, common):
    along = slope(2.0, 1.0, 1.0, nearer=lambda *_: slope(2.0 * (1 + drift), 1.0, 1.0))
    assert (explain.common_factor(along, slope(2.0, 1.0, 1.0)) == 2.0) is common
    along = slope(2.0, 1.0, 1.0, nearer=lambda *_: slope(2.0, 1.0, 1.0))
    assert (explain.common_factor(along, slope(2.0 * (1 + drift), 1.0, 1.0)) == 2.0) is common


@pytest.mark.parametrize(
    "factor, reminds",
    [(-1.0, "sign"), (-1.001, ""), (4.0, "mean"), (1 / 4, "mean"), (4.001, ""), (1.0, ""), (1.4, ""), (2.0, "mean")],
)
def test_what_a_factor_reminds_one_of(factor, reminds):
    text = explain.known(factor)
    assert reminds in text and bool(text) is bool(reminds)


# The table -----------------------------------------------------------------------------------------------------------

ROWS = {"exp": np.array([1e-6, 0.9e-5]), "conv2d": np.array([0.9e-6, 1.1e-5]), "nan": np.array([1.1e-6, np.nan])}


def test_each_cell_of_the_table_has_its_number_and_its_mark():
    head, _, *lines = report.table(ROWS).splitlines()
    assert head.split() == ["relative", "error", "first", "order", "second", "order"]
    assert lines[0].split() == ["exp", "1.0e-06", "9.0e-06"]
    assert lines[1].split() == ["conv2d", "9.0e-07", "1.1e-05", "✗"]
    assert lines[2].split() == ["nan", "1.1e-06", "✗", "nan", "✗"]
    assert lines[-2].split() == ["worst", "of", "all", "1.1e-06", "✗", "nan", "✗"]
    assert lines[-1].split() == ["allowed", "1.0e-06", "1.0e-05"]


def test_the_picture_has_a_dot_for_each_cell_and_a_line_at_each_limit(tmp_path, monkeypatch):
    figures = []

    class Figure(report.Figure):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            figures.append(self)

    monkeypatch.setattr(report, "Figure", Figure)
    report.draw(ROWS, tmp_path / "checks.png")
    dots, limits = {}, []
    for axes in figures[0].axes:
        names = [label.get_text() for label in axes.get_yticklabels()]
        for line in axes.lines:
            if line.get_marker() == "o":
                for name, x in zip(names, line.get_xdata(), strict=True):
                    dots.setdefault(name, []).append(float(x))
            else:
                limits.append(float(line.get_xdata()[0]))
    assert {name: np.nan_to_num(row, nan=1).tolist() for name, row in ROWS.items()} == dots
    assert limits == pytest.approx([1e-6, 1e-5] * 2)


def test_the_exit_status_is_that_of_the_checks(tmp_path, monkeypatch, capsys):
    limit = 1e-6 / (worst_errors(first_order(1e-3), [np.array([1.5])], 1)[0] / 1e-3)
    for share, status in ((0.9, 0), (1.1, 1)):
        case = {"f": {"near its limit": (first_order(share * limit), lambda rng: np.array([1.5]))}}
        monkeypatch.setattr(report, "TABLES", (case,))
        assert report.main(["--order", "1", "--out", str(tmp_path / "checks.png")]) == status
        printed = capsys.readouterr()
        assert ("✗" in printed.out) is ("wrong derivative" in printed.err) is bool(status)


def test_a_check_of_some_functions_leaves_the_picture_of_all_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report, "TABLES", ({name: report.cases.TABLE[name] for name in ("exp", "tanh")},))
    for flags, name in (([], "gradient_checks.png"), (["exp"], "gradient_checks_of_some.png")):
        before = set((tmp_path / "runs").glob("*"))
        assert report.main([*flags, "--order", "1"]) == 0
        assert {path.name for path in set((tmp_path / "runs").glob("*")) - before} == {name}
        assert f"picture: runs/{name}" in capsys.readouterr().out
