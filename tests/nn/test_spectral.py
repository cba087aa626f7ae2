"""Spectral normalisation: its σ is the singular value, its gradient the paper's, and its u moves in training alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeded import rng

from scratchgan import Parameter, Tensor, grad, nn, optim
from scratchgan.nn import AveragedWeights
from scratchgan.nn.spectral import power_iteration


def normal(*shape, seed=0):
    return rng(seed).standard_normal(shape)


# name: (the layer, an input, its weight as the matrix that is meant)
LAYERS = {
    "Linear": (lambda: nn.Linear(6, 4, rng=rng()), normal(3, 6), lambda w: w),
    "Conv2d": (lambda: nn.Conv2d(2, 4, 3, rng=rng()), normal(2, 2, 5, 5), lambda w: w.reshape(4, -1)),
    "ConvTranspose2d": (
        lambda: nn.ConvTranspose2d(3, 4, 2, rng=rng()),
        normal(2, 3, 4, 4),
        lambda w: w.transpose(1, 0, 2, 3).reshape(4, -1),
    ),
    "Embedding": (lambda: nn.Embedding(5, 3, rng=rng()), np.array([0, 3, 3]), lambda w: w),
}
every_layer = pytest.mark.parametrize("make, x, matrix", LAYERS.values(), ids=LAYERS)


def normalised(make, **options):
    return nn.SpectralNorm(make(), rng=rng(1), **options).to(np.float64)


def turned(layer, x, times):
    for _ in range(times):
        layer(Tensor(x))
    return layer


def largest(matrix):
    return np.linalg.svd(matrix, compute_uv=False)[0]


# σ -------------------------------------------------------------------------------------------------------------------


@every_layer
def test_sigma_is_the_largest_singular_value_of_the_weight_as_a_matrix(make, x, matrix):
    layer = turned(normalised(make), x, 200)
    assert layer.sigma().item() == pytest.approx(largest(matrix(layer.layer.weight.data)), rel=1e-9)
    assert largest(matrix(layer.weight.data)) == pytest.approx(1, rel=1e-9)


@every_layer
def test_it_begins_close_and_never_above(make, x, matrix):
    layer = normalised(make)
    true = largest(matrix(layer.layer.weight.data))
    assert 0.95 * true < layer.sigma().item() <= true * (1 + 1e-12)


@every_layer
def test_the_layer_does_what_it_did_with_its_weight_divided_by_sigma(make, x, matrix):
    layer, plain = normalised(make).eval(), make().to(np.float64)
    plain.weight.data = plain.weight.data / layer.sigma().item()
    np.testing.assert_allclose(layer(Tensor(x)).data, plain(Tensor(x)).data, rtol=1e-12)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_power_iteration_gives_unit_vectors_whose_sigma_rises_to_the_largest(rows, columns, seed):
    w, v = normal(rows, columns, seed=seed), normal(columns, seed=seed + 1)
    rising = []
    for steps in (1, 2, 4, 8):
        u, turned_v = power_iteration(w, v, steps)
        np.testing.assert_allclose([u @ u, turned_v @ turned_v], 1, rtol=1e-12)
        rising.append(u @ w @ turned_v)
    assert (np.diff(rising) >= -1e-12).all() and rising[-1] <= largest(w) * (1 + 1e-12)


def test_power_iteration_finds_the_singular_vectors():
    w = normal(3, 5)
    u, v = power_iteration(w, normal(5), 300)
    left, _, right = np.linalg.svd(w)
    np.testing.assert_allclose(abs(u @ left[:, 0]), 1, rtol=1e-12)
    np.testing.assert_allclose(abs(v @ right[0]), 1, rtol=1e-12)


def test_it_stays_close_while_the_weight_is_trained():
    """One turn at each step is enough, as u and v are kept."""
    layer, x = normalised(LAYERS["Linear"][0]), normal(8, 6)
    optimizer = optim.Adam(layer.parameters(), lr=1e-3)
    for _ in range(200):
        loss = ((layer(Tensor(x)) - Tensor(normal(8, 4, seed=1))) ** 2).mean()
        optimizer.step(grad(loss, layer.parameters()))
    assert layer.sigma().item() == pytest.approx(largest(layer.layer.weight.data), rel=0.02)
    assert 0.98 <= largest(layer.weight.data) <= 1.05


def test_a_network_of_normalised_layers_stretches_nothing():
    layers = [turned(normalised(lambda: nn.Linear(5, 5, rng=rng(i))), normal(1, 5), 300) for i in range(3)]
    network = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.LeakyReLU(0.2), layers[2]).eval()
    a, b = Tensor(normal(50, 5)), Tensor(normal(50, 5, seed=1))
    apart, before = network(a).data - network(b).data, a.data - b.data
    assert (np.linalg.norm(apart, axis=1) <= np.linalg.norm(before, axis=1) * (1 + 1e-6)).all()


# The gradient --------------------------------------------------------------------------------------------------------


def loss_and_gradient(layer, x):
    loss = (layer(Tensor(x)) * Tensor(normal(3, 4, seed=5))).sum()
    return loss, grad(loss, layer.layer.weight)[0].data


def test_the_gradient_is_equation_12_of_the_paper():
    """σ is differentiated through W; the second term takes off what would only lengthen W."""
    layer, x = turned(normalised(LAYERS["Linear"][0]), normal(3, 6), 3).eval(), normal(3, 6)
    _, g = loss_and_gradient(layer, x)
    h = normal(3, 4, seed=5).T @ x
    expected = (h - (h * layer.weight.data).sum() * np.outer(layer.u, layer.v)) / layer.sigma().item()
    np.testing.assert_allclose(g, expected, rtol=1e-10)


@every_layer
def test_the_gradient_is_orthogonal_to_the_weight_though_u_is_not_there_yet(make, x, matrix):
    """The output does not depend on the length of W."""
    layer = normalised(make)
    y = layer(Tensor(x))
    (g,) = grad((y * y * y).sum(), layer.layer.weight)
    weight = layer.layer.weight.data
    assert abs((g.data * weight).sum()) < 1e-12 * np.linalg.norm(g.data) * np.linalg.norm(weight)
    assert np.linalg.norm(g.data) > 1e-3


def test_two_forward_passes_and_then_a_gradient():
    """D(x), then D(x̃): the second pass turns u, and the first one's gradient is still that of its own u."""
    layer, x = normalised(LAYERS["Linear"][0]), normal(3, 6)
    layer(Tensor(x))
    state = layer.state_dict()
    _, alone = loss_and_gradient(layer, x)
    layer.load_state_dict(state)
    loss = (layer(Tensor(x)) * Tensor(normal(3, 4, seed=5))).sum()
    layer(Tensor(x))
    np.testing.assert_array_equal(grad(loss, layer.layer.weight)[0].data, alone)


# Training and evaluation ---------------------------------------------------------------------------------------------


def test_in_evaluation_u_stands_still_and_in_training_it_turns():
    layer, x = normalised(LAYERS["Linear"][0]), Tensor(normal(3, 6))
    start = layer.u, layer.v
    layer.eval()
    assert (layer(x).data == layer(x).data).all()
    assert layer.u is start[0] and layer.v is start[1]
    layer.train()
    layer(x)
    assert (layer.u != start[0]).any() and (layer.v != start[1]).any()


def test_several_turns_at_each_pass():
    one, three = normalised(LAYERS["Linear"][0]), normalised(LAYERS["Linear"][0], n_power_iterations=3)
    x = Tensor(normal(3, 6))
    three(x)
    for _ in range(3):
        one(x)
    np.testing.assert_allclose(three.u, one.u, rtol=1e-13)


def test_the_optimiser_moves_w_and_not_what_is_normalised():
    layer = normalised(LAYERS["Linear"][0])
    weight = layer.layer.weight
    layer(Tensor(normal(3, 6)))
    assert layer.layer.weight is weight and isinstance(weight, Parameter)
    assert {id(p) for p in layer.parameters()} == {id(weight), id(layer.layer.bias)}


def test_u_and_v_are_saved_and_loaded():
    layer, other = normalised(LAYERS["Conv2d"][0]), nn.SpectralNorm(nn.Conv2d(2, 4, 3)).to(np.float64)
    x = LAYERS["Conv2d"][1]
    turned(layer, x, 3)
    other.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(other(Tensor(x)).data, layer(Tensor(x)).data)
    np.testing.assert_array_equal(other.u, layer.u)


def test_inside_a_network_its_state_has_paths_and_the_network_can_be_averaged():
    network = nn.Sequential(nn.SpectralNorm(nn.Linear(3, 4, rng=rng()), rng=rng()), nn.ReLU())
    paths = ["0.bias", *(f"0.parametrizations.weight.{name}" for name in ("original", "0._u", "0._v"))]
    assert list(network.state_dict()) == paths
    average = AveragedWeights(network, 0.5)
    average.update(network)
    x = Tensor(normal(2, 3).astype(np.float32))
    np.testing.assert_allclose(average.module(x).data, network.eval()(x).data, rtol=1e-6)


def test_u_and_v_may_be_averages_that_have_become_shorter():
    """As those of averaged weights are: else σ̂ would be too small, and W / σ̂ too large."""
    layer = normalised(LAYERS["Linear"][0]).eval()
    before = layer.weight.data
    layer.u, layer.v = 0.8 * layer.u, 0.7 * layer.v
    np.testing.assert_allclose(layer.weight.data, before, rtol=1e-12)


def test_first_vectors_come_from_the_generator_that_is_given():
    first, second, other = (nn.SpectralNorm(LAYERS["Linear"][0](), rng=rng(seed)) for seed in (1, 1, 2))
    assert (first.u == second.u).all() and (first.u != other.u).any()


# Errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer, got", [(nn.ReLU(), "no weight"), (nn.BatchNorm2d(3), r"a weight of shape \(3,\)")])
def test_a_layer_without_a_weight_matrix_is_refused(layer, got):
    with pytest.raises(TypeError, match=f"needs a layer with a weight matrix; {type(layer).__name__} has {got}"):
        nn.SpectralNorm(layer)


def test_normalising_twice_is_refused():
    with pytest.raises(TypeError, match="SpectralNorm has a weight of shape"):
        nn.SpectralNorm(nn.SpectralNorm(nn.Linear(2, 3)))


def test_no_iterations_and_a_weight_of_zeros_are_refused():
    with pytest.raises(ValueError, match=r"n_power_iterations=0 must be a whole number in \[1, ∞\)"):
        nn.SpectralNorm(nn.Linear(2, 3), 0)
    layer = nn.Linear(2, 3)
    layer.weight.data = 0 * layer.weight.data
    with pytest.raises(ValueError, match=r"the weight of shape \(3, 2\) is 0"):
        nn.SpectralNorm(layer)
