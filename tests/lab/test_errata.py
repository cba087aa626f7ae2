"""The errata: each number is that of a closed form, and the page says what the demo computes."""

import json
import runpy
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from places import DEMOS

from scratchgan.lab import errata
from scratchgan.lab.claims import number
from scratchgan.lab.errata import ERRATA, Erratum
from scratchgan.optim import SGD, Adam

EVIDENCE = {name: list(erratum.evidence()) for name, erratum in ERRATA.items()}


def value(name, words):
    """The number of the one claim that contains these words, and its anchors."""
    (claim,) = (claim for claim in EVIDENCE[name] if words in claim.text)
    return claim.value, claim.anchors


@pytest.mark.parametrize("name", ERRATA)
def test_each_is_proved(name):
    assert all(claim.holds for claim in EVIDENCE[name]), [*map(str, EVIDENCE[name])]
    assert EVIDENCE[name] and all(np.isfinite([c.low, c.high]).any() for c in EVIDENCE[name])


@pytest.mark.parametrize("name", ERRATA)
def test_each_says_what_is_said_what_is_right_and_its_equation(name):
    erratum = ERRATA[name]
    assert all([erratum.title, erratum.said, erratum.right.endswith((".", ")")), erratum.equation])
    assert "\n" not in erratum.right and not erratum.said.startswith("Said")


def test_an_erratum_is_read_from_a_docstring():
    def proof():
        """A title

        Said: one thing:
        of two lines.

        Right: another.

        Equation: a = b
        """

    assert Erratum.of(proof) == Erratum("A title", "one thing: of two lines.", "another.", "a = b", proof)


# Objectives ----------------------------------------------------------------------------------------------------------


def test_the_right_loss_has_its_minimum_at_the_best_logit_and_the_printed_one_falls_on():
    right, printed = np.transpose([errata.discriminator_losses(factor) for factor in (0.8, 1, 1.25, 10, 1000)])
    assert right.argmin() == 1
    assert (np.diff(printed) < 0).all() and printed[-1] < -1000


def test_the_printed_loss_is_that_of_the_formula():
    """−E log σ(D(x)) − E (1 − log σ(D(x̃))), at equally likely points."""
    x, fake = (points.numpy() for points in errata.points(2.0))
    expected = np.log1p(np.exp(-2 * x)).mean() - (1 + np.log1p(np.exp(-2 * fake))).mean()
    assert errata.discriminator_losses(1)[1] == pytest.approx(expected)


def test_the_points_are_those_of_two_gaussians():
    real, fake = (points.numpy() for points in errata.points(3.0))
    np.testing.assert_allclose([real.mean(), fake.mean(), real.std(), fake.std()], [1.5, -1.5, 1, 1], atol=2e-3)


def test_slopes_over_the_logit_and_over_d():
    assert value("flat in the logit", "in D,") == (pytest.approx(-1 / 0.999), {"−log D": pytest.approx(-1000)})
    assert value("flat in the logit", "in the logit") == (pytest.approx(-1e-3), {"−log D": pytest.approx(-0.999)})


def test_the_pull_for_each_unit_of_distance_is_the_largest_where_the_two_are_alike():
    near, far = (value("similar", f"at distance {distance}") for distance in (0.1, 8))
    assert near[0] + near[1]["non-saturating"] == pytest.approx(1)  # σ(u) + σ(−u)
    assert near[0] == pytest.approx(0.5, abs=2e-3)
    assert far[0] == pytest.approx(np.sqrt(np.pi / 2) * np.exp(-8) / 8, rel=0.1)


def test_least_squares_vanish_like_minimax():
    pull, others = value("least squares", "mean pull")
    assert pull == pytest.approx(3 / 8 * others["minimax"], rel=0.02)
    rest = [others[name] for name in ("wasserstein", "hinge", "non-saturating")]
    np.testing.assert_allclose(rest, [1, 0, 8], rtol=1e-3)
    assert value("least squares", "units of minimax")[0] == pytest.approx(pull / others["minimax"])


def test_the_non_saturating_generator_takes_one_hill():
    assert value("non saturating", "KL")[0] == pytest.approx(1, abs=1e-4)
    width, others = value("non saturating", "best width")
    assert width == pytest.approx(1) and others["minimax"] == pytest.approx(3.1, abs=0.11)


# Critics -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("steepness", [0.5, 1.0, 3.0])
def test_the_penalised_critic_of_a_line(steepness, sign):
    expected = steepness * 4 + sign * 10 * (steepness - 1) ** 2
    assert errata.penalised(steepness, sign) == pytest.approx(expected, rel=1e-5)


def test_the_sign_of_the_penalty_decides_whether_there_is_a_best_slope():
    assert value("sign of lambda", "best of") == (pytest.approx(1.2), {"with +λ": 10, "1 + s / 2λ": 1.2})
    found, beside = value("sign of lambda", "slope of 100")
    assert found == pytest.approx(400 + 10 * 99**2) and beside == {"with −λ": pytest.approx(400 - 10 * 99**2)}


def test_the_loss_is_the_negative_of_the_distance():
    found, beside = value("estimate", "estimate")
    assert found == pytest.approx(-3) and beside["the distance"] == pytest.approx(3)


def test_steps_on_one_batch_are_one_step():
    """And the variance of a mean slope of x̃ − x over n points is 2 / n."""
    assert value("one batch", "variance")[0] == pytest.approx(5, rel=0.1)


def test_clipped_statistics_make_the_output_ten_times_as_large():
    assert value("get weights", "all its state")[0] == pytest.approx(np.sqrt(1 / (0.01 + 1e-5)), rel=0.02)
    assert value("get weights", "γ")[0] == pytest.approx(0.01, rel=0.02)


# Layers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inputs", [8, 32])
def test_the_first_step_of_an_equalized_layer(inputs):
    """Beside a plain one of the same matrix: c under Adam, c² under SGD, and c times the gradient."""
    c = np.sqrt(2 / inputs)
    for optimizer, ratio in ((Adam, c), (SGD, c * c)):
        (moved, gradient), (beside, plain) = (
            errata.first_step(inputs, kind, lambda params: optimizer(params, lr=1e-3)) for kind in (True, False)
        )
        assert moved / beside == pytest.approx(ratio, rel=0.01) and gradient / plain == pytest.approx(c, rel=1e-4)


def test_the_equalized_rate_is_the_same_in_all_layers_under_adam():
    relative, beside = value("equalized rate", "Adam")
    assert relative == pytest.approx(1, abs=0.05) and beside["plain"] == pytest.approx(8, rel=0.05)
    assert value("equalized rate", "gradient of")[0] == pytest.approx(np.sqrt(2 / 1024), rel=1e-4)
    assert value("equalized rate", "SGD")[0] == pytest.approx(2 / 1024, rel=0.02)


def test_pixel_norm_does_not_see_the_size_of_the_weights():
    found, beside = value("pixel norm", "largest")
    assert found == pytest.approx(beside["weights as before"], rel=1e-5) and beside["without the norm"] > 1000


def test_deviation_is_one_of_samples():
    assert value("groups of samples", "copies")[0] == pytest.approx(1e-4)
    assert value("groups of samples", "one grey")[0] == pytest.approx(1)
    assert errata.deviation(np.arange(3).reshape(3, 1, 1, 1)) == pytest.approx(np.std([0, 1, 2]), rel=1e-5)


def test_two_modes_deviate_as_much_as_eight():
    found, beside = value("variety", "two of eight")
    assert found == pytest.approx(1) and beside["from one mode"] < 1e-3


# The demo ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo():
    return runpy.run_path(str(DEMOS / "errata.py"))


def test_the_demo_leaves_the_page_that_is_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["errata", "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(DEMOS / "errata.py"), run_name="__main__")
    assert end.value.code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"errata.md", "errata.png", "numbers.json"}
    assert Image.open(tmp_path / "errata.png").width > 1200
    assert (tmp_path / "errata.md").read_text(encoding="utf-8") == (DEMOS / "errata.md").read_text(encoding="utf-8")
    claims = json.loads((tmp_path / "numbers.json").read_text())["claims"]
    assert len(claims) == sum(map(len, EVIDENCE.values())) + 2 and all(claim["holds"] for claim in claims)
    out = capsys.readouterr().out
    for name, erratum in ERRATA.items():
        assert all(words in out for words in (erratum.said, erratum.right, erratum.equation, f"  pass  {name}: "))


def drawn(demo, name):
    """The lines of a panel by their labels: (x, y) of each."""
    axes = Figure().subplots()
    demo[name](axes)
    return {line.get_label(): line.get_data() for line in axes.lines}


def test_what_is_drawn_best_is_best_where_its_label_says(demo):
    lines = drawn(demo, "draw_no_minimum")
    x, y = lines["E log(1 − D): best at 1"]
    assert abs(np.log(x[y.argmin()])) < 0.05
    x, y = lines["E (1 − log D): no minimum"]
    assert y.argmin() == len(y) - 1
    lines = drawn(demo, "draw_sign")
    x, y = lines["− λ: best at 1 + s/2λ"]
    assert x[y.argmax()] == pytest.approx(1.2)
    x, y = lines["+ λ: no maximum"]
    assert y.argmax() == len(y) - 1


def test_the_pull_of_minimax_lies_on_the_curve_that_is_dotted(demo):
    lines = drawn(demo, "draw_pulls")
    x, curve = next(data for label, data in lines.items() if label.startswith("_"))  # it has none
    pull = lines["minimax"][1]
    far = x > 6
    assert 0.7 < (curve[far] / pull[far]).min() and (curve[far] / pull[far]).max() < 1.4


def test_the_page_has_all_sentences_and_all_numbers():
    text = (DEMOS / "errata.md").read_text(encoding="utf-8")
    for name, erratum in ERRATA.items():
        part = text.partition(f"## {erratum.title}\n")[2].partition("\n## ")[0]
        assert f"> {erratum.said}\n" in part and erratum.right in part and f"`{erratum.equation}`" in part
        for claim in EVIDENCE[name]:
            assert f"- {claim.text}: **{number(claim.value)}**" in part
            assert all(f"{anchor}: {number(x)}" in part for anchor, x in claim.anchors.items())


def test_what_was_measured_of_deviation_is_told_beside_what_was_not_helped(demo):
    rows = {"minibatch deviation": {"modes": 7.6}, "non-saturating": {"modes": 6}}
    rows |= {"non-saturating + R1": {"modes": 8}, "untrained": {"modes": 1}}
    other = rows | {"minibatch deviation": {"modes": 10}}
    eight, twenty_five = demo["measured"]({"8 Gaussians": rows, "25 Gaussians": other})
    assert eight.anchors == {"non-saturating": 6, "non-saturating + R1": 8, "untrained": 1}
    assert eight.value == 7.6 and not eight.holds and twenty_five.value == 10 and twenty_five.holds
