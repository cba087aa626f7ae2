"""What the styles of a StyleGAN do, measured where the answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest
from seeded import rng

from scratchgan.lab import styles
from scratchgan.metrics.classifier import Classifier
from scratchgan.metrics.learning import look
from scratchgan.models import stylegan
from scratchgan.models.latents import slerp
from scratchgan.tensor import Tensor

SIZE = 6


@pytest.fixture
def network():
    """A generator of 8×8 pixels, in training, whose noise is seen and whose mean w is not 0."""
    network = stylegan.Generator(rng(), SIZE, (5, 4), 1, depth=2)
    for path, parameter in network.named_parameters():
        if path.endswith("noise.weight"):
            parameter.data += 0.1
    network.center = rng(1).standard_normal(SIZE).astype(np.float32)
    return network


@pytest.fixture
def z():
    return rng(2).standard_normal((5, SIZE)).astype(np.float32)


def silent(network):
    """The same without noise."""
    for path, parameter in network.named_parameters():
        if path.endswith("noise.weight"):
            parameter.data *= 0
    return styles.Styled(network)


# The generator -------------------------------------------------------------------------------------------------------


def test_it_makes_the_images_of_the_generator_in_evaluation_and_leaves_it_as_it_is(network, z):
    before, generator = network.state_dict(), styles.Styled(network)
    images = generator(generator.w(z), noise=7)
    assert network.training and all((network.state_dict()[path] == before[path]).all() for path in before)
    expected = network.eval()(Tensor(z), 1, np.random.default_rng(7)).numpy()
    assert np.abs(expected).max() > 1  # and what is beyond is cut off
    np.testing.assert_allclose(images, np.clip(expected, -1, 1), atol=1e-6)
    assert images.shape == (5, 1, 8, 8) and images.dtype == np.float32


def test_the_same_noise_is_the_same_and_other_noise_is_other(network, z):
    generator = styles.Styled(network)
    first, again, other = (generator(generator.w(z), noise=noise) for noise in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_many_images_are_made_in_blocks(network, z, monkeypatch):
    generator = silent(network)
    at_once = generator(generator.w(z))
    monkeypatch.setattr(styles, "BLOCK", 2)
    np.testing.assert_allclose(generator(generator.w(z)), at_once, atol=1e-6)


def test_each_block_has_noise_of_its_own(network, z, monkeypatch):
    monkeypatch.setattr(styles, "BLOCK", 2)
    generator = styles.Styled(network)
    images = generator(np.repeat(generator.w(z[:1]), 6, 0))
    assert len(np.unique(images, axis=0)) == 6


def test_in_float64_it_computes_in_float64(network, z):
    generator = styles.Styled(network, np.float64)
    images = generator(generator.w(z))
    assert images.dtype == np.float64 and generator.center.dtype == np.float64
    assert network.center.dtype == network.constant.weight.dtype == np.float32
    np.testing.assert_allclose(images, styles.Styled(network)(styles.Styled(network).w(z)), atol=1e-4)


# Mixing, noise, truncation -------------------------------------------------------------------------------------------


def test_the_groups_are_the_layers_of_their_sizes():
    layers = [list(range(8)[group]) for group in styles.GROUPS.values()]
    assert layers == [[0, 1, 2, 3], [4, 5], [6, 7]]  # two of each size, from 4×4 on


def test_only_the_styles_of_the_group_are_exchanged():
    assert styles.mixed("w", "v", slice(2, 4), 6) == ["w", "w", "v", "v", "w", "w"]


def test_with_all_styles_exchanged_it_is_the_other_image(network, z):
    generator = styles.Styled(network)
    w, other = generator.w(z), generator.w(-z)
    for group, expected in ((slice(None), other), (slice(0), w)):
        np.testing.assert_array_equal(generator(styles.mixed(w, other, group, generator.layers)), generator(expected))
    halves = generator(styles.mixed(w, other, slice(0, 2), generator.layers))
    assert min(np.abs(halves - generator(either)).max() for either in (w, other)) > 0.01


def test_a_change_is_measured_in_distances_of_unrelated_images():
    before = np.array([0.0, 6, 0, 6]).reshape(4, 1, 1, 1)
    assert styles.change(before, before + 3) == 3 / 6
    assert styles.change(before, np.roll(before, 1, 0)) == 1
    assert styles.change(before, 3 * before) == 6 / 6  # not in those of the images after


def test_the_deviation_by_noise_is_that_of_each_pixel(network, z):
    scale = np.array([[0.5], [2.0]])
    found = styles.noise_deviation(lambda w, noise: 3 + w * rng(noise).standard_normal(w.shape), scale, 400)
    np.testing.assert_allclose(found, scale, rtol=0.1)
    generator = silent(network)
    assert np.abs(styles.noise_deviation(generator, generator.w(z), 3)).max() < 1e-6


def test_truncation_leads_to_the_mean(network, z):
    generator = silent(network)
    w = generator.w(z)
    np.testing.assert_allclose(styles.truncated(generator, w, 1), w, atol=1e-6)
    np.testing.assert_allclose(styles.truncated(generator, w, 0.5), (w + generator.center) / 2, atol=1e-6)
    assert styles.spread(generator(styles.truncated(generator, w, 0))) < 1e-6  # noise alone would be left
    assert styles.spread(generator(w)) > 0.1


def test_the_spread_is_the_distance_from_the_mean_image():
    assert styles.spread(np.array([[0.0, 0], [6, 8], [0, 0], [6, 8]])) == pytest.approx(5)


def test_less_of_psi_is_less_spread_more_precision_and_less_recall():
    """With a generator of points that reach twice as far as real ones."""
    generator = Identity()
    w, real = 2 * rng().standard_normal((300, 2)), rng(1).standard_normal((300, 2))
    less, more = (styles.at_psi(generator, w, psi, lambda points: points, real) for psi in (0.1, 1))
    assert less["spread"] == pytest.approx(0.1 * more["spread"])
    assert less["precision"] > more["precision"] + 0.1 and less["recall"] < more["recall"] - 0.1
    assert styles.at_psi(generator, w, 1).keys() == {"spread"}


class Identity:
    center = np.zeros(2)

    def __call__(self, w):
        return w


# Paths ---------------------------------------------------------------------------------------------------------------


def test_lines_and_arcs_of_many_pairs_each_have_a_place_of_their_own():
    start, end = rng().standard_normal((2, 4, 3))
    t = np.array([0, 0.25, 0.6, 1])
    expected = [slerp(a, b, [share])[0] for a, b, share in zip(start, end, t)]
    np.testing.assert_allclose(styles.arc(start, end, t), expected)
    np.testing.assert_allclose(styles.line(start, end, t), start + t[:, None] * (end - start))
    images = np.stack([np.zeros((4, 1, 2, 2)), np.ones((4, 1, 2, 2))])
    np.testing.assert_allclose(styles.line(*images, t)[:, 0, 1, 1], t)


PLACES = np.arange(0, 0.99, 1e-3)  # t
DIRECTION = rng(3).standard_normal((len(PLACES), 7))


@pytest.mark.parametrize("speed, expected", [(lambda t: t, 1), (lambda t: t**2, 4 / 3), (lambda t: t >= 0.5, 100)])
def test_a_straight_path_has_length_1_an_uneven_one_more_and_a_jump_one_over_epsilon(speed, expected):
    def walk(t):
        return 5 + speed(t)[:, None] * DIRECTION

    assert styles.path_length(walk, lambda x: x, PLACES, 0.01) == pytest.approx(expected, rel=0.05)


def test_an_arc_is_longer_than_its_chord_and_scale_is_no_matter():
    def walk(t):
        angle = np.pi / 2 * t
        return np.stack([np.cos(angle), np.sin(angle)], 1)

    for scale in (1, 30):
        found = styles.path_length(walk, lambda x: scale * x, PLACES, 1e-4)
        assert found == pytest.approx((np.pi / 2) ** 2 / 2, rel=1e-3)


def test_long_paths_count_for_more_than_short_ones():
    """As E is taken above and below: of lengths 1 and 3, at the end of which the speed is 1 and 2."""
    length, power = np.array([[1.0], [3.0]]), np.array([[1], [2]])
    found = styles.path_length(lambda t: length * t[:, None] ** power, lambda x: x, np.ones(2), 1e-6)
    assert found == pytest.approx((1 + 9 * 4) / (1 + 9), rel=1e-4)


def test_at_its_end_a_path_has_the_speed_of_its_end():
    assert styles.path_length(lambda t: t[:, None] ** 2 + t[:, None], lambda x: x, np.zeros(5)) == pytest.approx(
        0.25, rel=1e-3
    )


def test_the_step_is_small_enough_and_not_too_small(network, z):
    generator = styles.Styled(network, np.float64)
    w, t = (generator.w(z), generator.w(-z)), np.linspace(0, 0.9, 5)
    found = [styles.path_length(lambda t: generator(styles.line(*w, t)), lambda x: x, t, eps) for eps in (1e-4, 1e-7)]
    assert found[0] == pytest.approx(found[1], rel=0.01)


def test_digits_have_no_margin():
    images = rng().standard_normal((2, 1, 32, 32))
    np.testing.assert_array_equal(styles.digits(images), images[:, :, 2:-2, 2:-2])
    np.testing.assert_array_equal(styles.digits(styles.digits(images)), styles.digits(images))


def test_the_features_in_float64_are_those_of_the_classifier(monkeypatch):
    monkeypatch.setattr(styles, "BLOCK", 2)
    classifier, images = Classifier(rng()), rng(1).uniform(-1, 1, (5, 1, 32, 32))
    features = styles.features64(classifier)(images)
    assert features.dtype == np.float64 and classifier.head.weight.dtype == np.float32
    np.testing.assert_allclose(features, look(classifier, images[:, :, 2:-2, 2:-2])[0], rtol=1e-3, atol=1e-5)
    tiny = images + 1e-9
    assert np.abs(styles.features64(classifier)(tiny) - features).max() > 0  # which float32 would not see


# Directions ----------------------------------------------------------------------------------------------------------


def test_values_within_classes_are_less_their_means():
    values, labels = np.array([[0.0, 1], [2, 3], [10, 0], [14, 0]]), np.array([1, 1, 3, 3])
    np.testing.assert_array_equal(styles.within(values, labels), [[-1, -1], [1, 1], [-2, 0], [2, 0]])


@pytest.fixture
def sample():
    """Correlated latents of three classes, and two attributes: linear in the latents, and other in each class."""
    labels = rng().integers(0, 3, 2000)
    mix, means, A = rng(1).standard_normal((5, 5)), 9 * rng(2).standard_normal((3, 5)), rng(3).standard_normal((5, 2))
    latents = rng(4).standard_normal((2000, 5)) @ mix + means[labels]
    offsets = 50 * rng(5).standard_normal((3, 2))
    return SimpleNamespace(latents=latents, values=latents @ A + offsets[labels], labels=labels, A=A, C=mix.T @ mix)


def test_the_fit_is_that_within_classes(sample):
    fit = styles.Fit.of(sample.latents, sample.values, sample.labels)
    np.testing.assert_allclose(fit.coefficients, sample.A, atol=1e-8)
    np.testing.assert_allclose(fit.covariance, sample.C, atol=0.15 * np.abs(sample.C).max())


def test_what_is_linear_is_explained_and_noise_is_not(sample):
    linear, known, unseen = sample.values[:, :1], slice(1000), slice(1000, None)
    noise = styles.within(linear, sample.labels).std() * rng(6).standard_normal((2000, 1))
    values = np.concatenate([linear, noise, linear + noise], 1)
    fit = styles.Fit.of(sample.latents[known], values[known], sample.labels[known])
    all_of_it, nothing, half = fit.explained(sample.latents[unseen], values[unseen], sample.labels[unseen])
    assert all_of_it == pytest.approx(1) and -0.1 < nothing < 0.02 and half == pytest.approx(0.5, abs=0.1)


def test_a_step_changes_one_attribute_and_no_other_is_as_long_as_said_and_the_shortest(sample):
    fit = styles.Fit.of(sample.latents, sample.values * [1, 1000], sample.labels)
    for length in (1.0, 3.0):
        steps = fit.steps(length)
        effect = steps @ fit.coefficients
        assert (np.diag(effect) > 0).all()
        np.testing.assert_allclose(effect / np.diag(effect), np.eye(2), atol=1e-6)
        measured = [np.sqrt(step @ np.linalg.solve(fit.covariance, step)) for step in steps]
        np.testing.assert_allclose(measured, length)
    free = np.linalg.svd(fit.coefficients.T)[2][2:]  # what changes no attribute
    for nearby in (steps[0] + 0.3 * free, steps[0] - 0.3 * free):
        longer = [np.sqrt(step @ np.linalg.solve(fit.covariance, step)) for step in nearby]
        assert min(longer) >= length


def test_latents_and_attributes_may_say_the_same_twice(sample):
    """As a mapping does that ends in fewer dimensions: the step is that without the second copy."""
    twice = [np.concatenate([array, array[:, :1]], 1) for array in (sample.latents, sample.values)]
    fit = styles.Fit.of(*twice, sample.labels)
    steps, plain = fit.steps(1.5), styles.Fit.of(sample.latents, sample.values, sample.labels).steps(1.5)
    np.testing.assert_allclose(steps[:2, :5], plain, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(steps[2], steps[0], rtol=1e-5)


def test_a_random_step_is_as_long(sample):
    fit = styles.Fit.of(sample.latents, sample.values, sample.labels)
    steps = fit.anyhow(500, 1.5, rng(8))
    lengths = np.sqrt(np.einsum("ni,ni->n", steps, np.linalg.solve(fit.covariance, steps.T).T))
    np.testing.assert_allclose(lengths, 1.5)
    assert np.abs(steps.mean(0)).max() < 0.2 * steps.std(0).max()


def test_the_leakage_is_the_change_of_others_for_each_unit_of_the_wanted_one():
    change = np.array([[2.0, 1, 0], [-2, -1, 2]])
    assert styles.leakage(change, 0) == (1 + 1) / 2 / 2
    assert styles.leakage(change, 1) == (2 + 1) / 2 / 1
    assert styles.leakage(rng().standard_normal((5000, 3)), 2) == pytest.approx(1, abs=0.05)
