"""Winograd's filtering against convolution by its definition, for all that it applies to; `conv` asks for less."""

import contextlib

import numpy as np
import pretend
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgan import Tensor, grad
from scratchgan import functional as F
from scratchgan.functional import patches, winograd
from scratchgan.functional.geometry import Geometry, Visits

small = st.integers(1, 3)


@st.composite
def geometries(draw):
    """Kernels of two to five rows that move by one, and paddings of any kind, also more than the kernel reaches."""
    axes = []
    for fewest in (2, 1):
        kernel, padding = draw(st.integers(fewest, 5)), draw(st.integers(0, 6))
        smallest = max(1, kernel - 2 * padding)
        axes.append((kernel, 1, padding, draw(st.integers(smallest, smallest + 9))))
    return Geometry(*zip(*axes))


def trilinear(at, batch, channels, maps):
    """x (N, C, H, W), y (N, O, oh, ow) and w (O, C, kh, kw) of a geometry."""
    shapes = (batch, channels, *at.size), (batch, maps, *at.output), (maps, channels, *at.kernel)
    return [np.random.default_rng(seed).standard_normal(shape) for seed, shape in enumerate(shapes)]


def conv_by_definition(x, w, at):
    """All patches of the padded image, times the weights."""
    (p, q), kernel = at.padding, at.kernel
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, [(0, 0), (0, 0), (p, p), (q, q)]), kernel, (2, 3))
    return np.einsum("ncijuv,ocuv->noij", windows, w)


@contextlib.contextmanager
def filtering(whether):
    """Wherever it applies, or nowhere, whatever the rule says; and also with few channels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "pays", lambda _, *axes: whether and winograd.applies(*axes))
        patch.setattr(patches, "THIN", 0)
        yield


@given(st.integers(2, 5), st.integers(0, 9))
def test_fewer_products_give_the_same(r, seed):
    """⟨d, g ∗ y⟩ = ⟨Vₙ⁻ᵀ d, Vᵣ g ⊙ Vₘ y⟩, for m = n + 1 − r."""
    rng, m = np.random.default_rng(seed), winograd.VALUES + 1 - r
    d, g, y = (rng.standard_normal(length) for length in (winograd.VALUES, r, m))
    values = [winograd._inverse_transposed() @ d, winograd._values(r, g) @ g, winograd._values(m, y) @ y]
    np.testing.assert_allclose(np.prod(values, 0).sum(), d @ np.convolve(g, y), rtol=1e-12, atol=1e-12)


@given(at=geometries(), batch=small, channels=small, maps=small)
def test_it_is_convolution_and_its_derivatives(at, batch, channels, maps):
    x, y, w = trilinear(at, batch, channels, maps)
    expected = conv_by_definition(x, w, at)
    with filtering(True):
        np.testing.assert_allclose(patches.conv(x, w, at), expected, rtol=0, atol=1e-11)
        form = (y * expected).sum()
        assert np.isclose((patches.conv_transpose(y, w, at) * x).sum(), form, rtol=0, atol=1e-10)
        assert np.isclose((patches.weight_grad(x, y, at) * w).sum(), form, rtol=0, atol=1e-10)


@given(at=geometries(), batch=small, channels=small, maps=small)
def test_the_adjoint_and_the_gradient_are_those_of_all_products(at, batch, channels, maps):
    """Element by element: the trilinear form is one number."""
    x, y, w = trilinear(at, batch, channels, maps)
    with filtering(False):
        adjoint, gradient = patches._by_phases(y, w, at), patches.weight_grad(x, y, at)
    with filtering(True):
        np.testing.assert_allclose(patches._turned(y, w, at), adjoint, rtol=0, atol=1e-11)
        np.testing.assert_allclose(patches.weight_grad(x, y, at), gradient, rtol=0, atol=1e-10)


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_a_gradient_penalty_through_it_is_that_of_all_products(padding):
    """First and second derivatives of Tensors, in images and in weights."""
    at = Geometry((3, 3), (1, 1), (padding, padding), (9, 8))
    x, y, w = (Tensor(array, requires_grad=True) for array in trilinear(at, 2, 3, 4))

    def derivatives():
        scores = F.tanh(F.conv2d(x, w, padding=padding)) * y
        (slopes,) = grad(scores.sum(), x, create_graph=True)
        return [t.data for t in (slopes, *grad((slopes * slopes).sum(), [x, y, w]))]

    with filtering(False):
        expected = derivatives()
    with filtering(True):
        actual = derivatives()
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)


def test_the_points_cost_little_accuracy():
    """In float32 less than three times the error of all products; 0, ±1 and ±2 would cost more."""
    at = Geometry((3, 3), (1, 1), (1, 1), (32, 32))
    x, _, w = trilinear(at, 1, 64, 64)
    single = x.astype(np.float32), w.astype(np.float32)
    with filtering(False):
        exact, products = patches.conv(x, w, at), patches.conv(*single, at)
    with filtering(True):
        points = patches.conv(*single, at)
    error, least = (np.sqrt(np.mean((y - exact) ** 2)) for y in (points, products))
    assert error < 3 * least


def test_what_memory_held_before_does_not_matter(monkeypatch):
    """Between two images there are positions that nobody reads: arithmetic on what lies there must not warn."""
    at = Geometry((3, 3), (1, 1), (1, 1), (6, 6))
    x, _, w = trilinear(at, 2, 3, 3)
    monkeypatch.setattr(
        np,
        "empty_like",
        lambda a, order, shape: np.tile(np.array([np.inf, -np.inf]), np.prod(shape))[::2].reshape(shape),
    )
    with np.errstate(all="raise"):
        winograd.conv(x.transpose(2, 0, 3, 1), w.transpose(2, 3, 1, 0).copy(), *at.axes)


def test_it_stays_on_the_device():
    at = Geometry((3, 3), (1, 1), (1, 1), (6, 6))
    x, y, w = trilinear(at, 2, 3, 3)
    with filtering(True):
        for f, *arguments in [(patches.conv, x, w), (patches.conv_transpose, y, w), (patches.weight_grad, x, y)]:
            there = f(*map(pretend.asarray, arguments), at)
            assert type(there) is pretend.ndarray
            np.testing.assert_array_equal(there.get(), f(*arguments, at))


@pytest.mark.parametrize(
    "batch, size, kernel, stride, padding, whether",
    [
        (16, 32, 3, 1, 1, True),
        (1, 16, 3, 1, 1, False),  # too few pixels for the weights
        (16, 16, 3, 1, 1, True),
        (16, 8, 3, 1, 1, False),  # mostly zeros beside the image
        (16, 32, 3, 2, 1, False),
        (16, 32, 1, 1, 0, False),
        (16, 32, 6, 1, 3, False),
    ],
)
def test_the_rule(batch, size, kernel, stride, padding, whether):
    at = Geometry((kernel,) * 2, (stride,) * 2, (padding,) * 2, (size,) * 2)
    assert winograd.pays(batch, *at.axes) is whether


def test_half_of_the_products_of_a_kernel_of_three_rows():
    """What the first paragraph says of 3×3: a tile of 4 rows has 6 rows of products instead of 12."""
    assert (winograd.VALUES, winograd._height(3)) == (6, 4)
    assert Visits(6, 3, 1, 0, 4).meetings()[-1].visits == slice(0, 4)
