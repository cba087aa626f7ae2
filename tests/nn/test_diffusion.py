"""A diffusion: what its stages draw and do, and which way its length moves."""

import math

import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, grad
from scratchgan.nn.diffusion import Diffusion

IMAGE = (1, 4, 4)


def of_length(T, seed=0, **options):
    return Diffusion(rng(seed), timesteps=(T, T), **options)


def at(t, T=100, **options):
    """A diffusion of which each image sees the stage t."""
    diffusion = of_length(T, **options)
    diffusion.stages = np.full(64, t)
    return diffusion


def diffused(x, diffusion):
    """y of a batch x."""
    _, scale, noise = map(Tensor, diffusion.draw(x.shape, rng(1)))
    return scale * x + noise


# The chain -----------------------------------------------------------------------------------------------------------

# T: (ᾱ_T, the deviation of the noise over the share of the image that is left)
PUBLISHED = {5: (0.951, 0.011), 10: (0.904, 0.016), 50: (0.603, 0.041), 100: (0.364, 0.066), 250: (0.080, 0.17),
             500: (0.0064, 0.63), 1000: (4e-5, 7.9)}  # fmt: skip


@pytest.mark.parametrize("T", PUBLISHED)
def test_the_noise_in_the_last_stage(T):
    kept = of_length(T).kept()
    assert len(kept) == T + 1 and kept[0] == 1 and (np.diff(kept) < 0).all()
    assert 1 - kept[1] == pytest.approx(1e-4) and 1 - kept[-1] / kept[-2] == pytest.approx(0.02)
    ratio = math.sqrt((1 - kept[-1]) / kept[-1]) * 0.05
    assert (kept[-1], ratio) == (pytest.approx(PUBLISHED[T][0], rel=0.05), pytest.approx(PUBLISHED[T][1], rel=0.05))


@pytest.mark.parametrize("t", [1, 30, 100])
def test_an_image_fades_and_its_noise_has_the_deviation_it_should(t):
    x, diffusion = np.array([0.8, -0.3]), at(t, sigma=0.5)
    y = diffused(Tensor(np.tile(x, (20_000, 1))), diffusion).numpy()
    kept = np.prod(1 - np.linspace(1e-4, 0.02, 100)[:t])
    np.testing.assert_allclose(y.mean(0), math.sqrt(kept) * x, rtol=0.02, atol=0.003)
    np.testing.assert_allclose(y.std(0), 0.5 * math.sqrt(1 - kept), rtol=0.02)
    assert abs(np.corrcoef(y.T)[0, 1]) < 0.02  # each number of an image has noise of its own


def test_at_stage_0_an_image_is_what_it_is():
    x = Tensor(rng().standard_normal((5, *IMAGE)))
    np.testing.assert_array_equal(diffused(x, at(0)).numpy(), x.numpy())


def test_the_slope_is_the_share_of_the_image_that_is_left():
    x, diffusion = Tensor(rng().standard_normal((9, *IMAGE)), requires_grad=True), of_length(100)
    (slope,) = grad(diffused(x, diffusion).sum(), [x])
    t = diffusion.stages[rng(1).integers(64, size=9)]
    expected = np.sqrt(diffusion.kept()[t]).reshape(9, 1, 1, 1) * np.ones(IMAGE)
    np.testing.assert_allclose(slope.numpy(), expected, rtol=1e-12)
    assert len(set(t)) > 3


@pytest.mark.parametrize("law, weights", [("uniform", [1] * 6), ("paper", [1, 2, 3, 4, 5, 6]), ("code", range(6))])
def test_each_law_draws_as_often_as_it_says(law, weights):
    """The two that prefer late stages differ: by the code, the first never comes."""
    noise = rng()
    stages = np.concatenate([Diffusion(noise, timesteps=(6, 6), law=law).stages for _ in range(2000)])
    assert (stages == 0).mean() == 0.5
    found = np.bincount(stages[stages > 0], minlength=7)[1:] / 64_000
    expected = np.array(weights) / sum(weights)
    np.testing.assert_allclose(found, expected, atol=0.008)
    assert (found[0] == 0) == (law == "code")


def test_each_image_has_a_stage_and_noise_of_its_own():
    """Half of them are shown as they are."""
    diffusion = of_length(50)
    share, scale, noise = diffusion.draw((4000, *IMAGE), rng())
    assert share.shape == (4000, 1) and scale.shape == (4000, 1, 1, 1) and noise.shape == (4000, *IMAGE)
    assert (share == 0).mean() == pytest.approx(0.5, abs=0.03) and len(np.unique(share)) > 15
    t = np.rint(50 * share.ravel()).astype(int)
    np.testing.assert_array_equal(scale.ravel(), np.sqrt(diffusion.kept()[t]))
    assert not noise[t == 0].any() and len(np.unique(noise[t > 0])) == noise[t > 0].size


def test_the_stage_is_told_as_a_share_of_the_longest_chain():
    diffusion = Diffusion(rng(), timesteps=(10, 40))
    share, _, _ = diffusion.draw((500, 1), rng())
    np.testing.assert_array_equal(np.unique(share), np.unique(diffusion.stages) / 40)


# The length ----------------------------------------------------------------------------------------------------------


def heard(sign, batches=4, size=25, **options):
    """A diffusion that has observed batches of this mean sign, and may have changed T after each."""
    diffusion = Diffusion(rng(), **{"timesteps": (10, 210), "rise": 1000, **options})
    for _ in range(batches):
        diffusion.observe(sign, size)
        diffusion.adapt(rng(1))
    return diffusion


def test_the_chain_begins_at_its_shortest():
    assert (Diffusion(rng(), timesteps=(10, 210)).T, Diffusion(rng()).T) == (10, 5)


def test_a_discriminator_that_is_too_sure_makes_the_chain_longer_and_one_that_is_not_shorter():
    """p moves by (images seen) / rise: 100 of 1000, so T by a tenth of 200."""
    diffusion = heard(0.61)
    assert diffusion.p == pytest.approx(0.1) and diffusion.T == 30
    for sign, T in ((0.7, 50), (0.59, 30), (-1.0, 10), (0.6, 10)):
        for _ in range(4):
            diffusion.observe(sign, 25)
        diffusion.adapt(rng(1))
        assert diffusion.T == T, sign
    assert heard(0.3, target=0.2).T == 30 and heard(0.3, target=0.4).T == 10


def test_the_length_is_the_nearest_whole_number():
    diffusion = Diffusion(rng(), timesteps=(10, 210))
    for diffusion.p, T in ((0.012, 12), (0.013, 13), (0.9999, 210)):
        assert diffusion.T == T


def test_the_new_stages_are_those_of_the_new_length():
    diffusion = Diffusion(rng(), timesteps=(2, 500), rise=100, every=1)
    for sign, longest in ((1.0, 500), (-1.0, 2)):
        diffusion.observe(sign, 100)
        diffusion.adapt(rng(1))
        assert longest / 2 <= diffusion.stages.max() <= diffusion.T == longest


def test_signs_that_are_no_numbers_change_nothing():
    diffusion = Diffusion(rng(), every=2)
    before = diffusion.stages
    for sign in (1.0, np.nan):
        diffusion.observe(sign, 8)
    diffusion.adapt(rng(1))
    assert diffusion.p == 0 and diffusion.stages is before


def test_the_length_stays_within_its_bounds():
    assert heard(1.0, 400).T == 210 and heard(-1.0, 400).p == 0 and heard(1.0, 400).p == 1
    assert heard(1.0, 3, size=40).T == 10 and heard(1.0, 5, size=40).T == 10 + 32


def test_what_counts_is_the_mean_of_all_batches_since_the_last_change_each_by_its_size():
    diffusion = Diffusion(rng(), timesteps=(10, 210), rise=1000)
    for sign, size in ((1.0, 70), (0.0, 10), (0.0, 10), (0.0, 10)):
        diffusion.observe(sign, size)
    diffusion.adapt(rng())
    assert diffusion.T == 30
    for sign in (0.59, 0.59, 0.59, 0.62):
        diffusion.observe(sign, 25)
    diffusion.adapt(rng())
    assert diffusion.T == 10  # the first four are forgotten


@pytest.mark.parametrize("every", [1, 4])
def test_stages_are_drawn_anew_when_the_length_is_looked_at_and_only_then(every):
    diffusion = Diffusion(rng(), timesteps=(10, 210), rise=300, every=every)
    for number in range(1, 9):
        before = diffusion.stages
        diffusion.observe(1.0, 25)
        diffusion.adapt(rng(number))
        assert (diffusion.stages is before) == (number % every > 0)
        assert (diffusion.stages[:32] == 0).all() and 0 < diffusion.stages[32:].min()
        assert diffusion.stages.max() <= diffusion.T
    assert diffusion.stages.max() > 60


@pytest.mark.parametrize(
    "options, message",
    [
        ({"timesteps": (20, 10)}, r"timesteps=\(20, 10\) must be T_min ≤ T_max"),
        ({"timesteps": (1, 10)}, "from 2 on"),
        ({"timesteps": (0, 10)}, r"or \(0, 0\) for no diffusion"),
        ({"timesteps": (5.0, 10)}, "a tuple of 2"),
        ({"law": "priority"}, "law='priority' is none of uniform, paper, code"),
        ({"sigma": -1.0}, "sigma"),
        ({"target": 1.5}, "target"),
        ({"rise": 0}, "rise"),
        ({"every": 0}, "every"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Diffusion(rng(), **options)


def test_a_diffusion_goes_on_from_its_state():
    first, second = heard(0.9, 6), Diffusion(rng(5), timesteps=(10, 210), rise=1000)
    second.load_state_dict(first.state_dict())
    assert first.T == second.T == 30 and first.images == 50
    np.testing.assert_array_equal(*(each.draw((5, 3), rng(2))[2] for each in (first, second)))
    for each in (first, second):
        each.observe(-1.0, 100)
        each.observe(-1.0, 10)
        each.adapt(rng(3))
    assert first.T == second.T == 10 and (first.stages == second.stages).all()
    state = first.state_dict()
    first.stages[:] = 1  # a state is a copy
    assert state["stages"][0] == 0


@pytest.mark.parametrize("change", [{"p": np.array(1.1)}, {"stages": np.zeros(63, int)}, {"stages": np.full(64, 31)},
                                    {"stages": np.full(64, -1)}])  # fmt: skip
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(change):
    diffusion = heard(0.9)
    before = diffusion.state_dict()
    with pytest.raises(ValueError, match=r"do not fit a chain of T from \(10, 210\)"):
        diffusion.load_state_dict(before | change)
    for name, array in diffusion.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
