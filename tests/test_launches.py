"""Kernel launches are counted right, on the stand-in for CuPy's arrays; and some are promised not to become more."""

import re

import numpy as np
import ours
import pretend
import pytest
from launches import (
    CALL,
    COPIES,
    ELEMENTWISE,
    FILLS,
    KINDS,
    LAUNCH,
    PRODUCTS,
    REDUCTIONS,
    WHOLES,
    counted,
    fused,
    launches,
    on_the_stand_in,
    total,
)
from places import TESTS
from speed import ROWS

from scratchgan import functional as F
from scratchgan import optim
from scratchgan.tensor import Parameter, Tensor


def there(*shape):
    return pretend.asarray(np.random.default_rng(0).standard_normal(shape))


def kinds(counts):
    """How many of each kind there are, without those of which there are none."""
    return {kind: total(counts, [kind]) for kind in KINDS if total(counts, [kind])}


# The count is right --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function, expected",
    [
        (lambda a: np.exp(2 * a) + a, {ELEMENTWISE: 3}),
        (lambda a: np.where(a > 0, a, 0.0), {ELEMENTWISE: 2}),
        (lambda a: a.sum(0), {REDUCTIONS: 1}),
        (lambda a: a.T @ a, {PRODUCTS: 1}),
        (lambda a: np.einsum(a, [0, 1], a, [0, 1], [1]), {PRODUCTS: 1}),
        (lambda a: a.T.reshape(-1), {COPIES: 1}),
        (lambda a: a[[1, 0]], {COPIES: 1}),
        (lambda a: a.copy().astype(np.float32), {COPIES: 2}),
        (lambda a: np.concatenate([a] * 8), {COPIES: 8}),
        (lambda a: np.concatenate([a] * 9), {COPIES: 1}),
        (lambda a: a.__setitem__(0, a[1]), {COPIES: 1}),
        (lambda a: a.__setitem__(0, 1.0), {FILLS: 1}),
        (np.zeros_like, {FILLS: 1}),
        (lambda a: pretend.add.at(a, [0, 0], 1.0), {COPIES: 1}),
    ],
)
def test_new_numbers_are_a_launch(function, expected):
    a = there(2, 3)
    with counted() as counts:
        function(a)
    assert kinds(counts) == expected


def test_views_and_new_memory_are_none():
    a = there(2, 3)
    with counted() as counts:
        np.broadcast_to(np.expand_dims(a.T[1:, ::-1], 0), (4, 2, 2))
        pretend.lib.stride_tricks.as_strided(a.reshape(3, 2).swapaxes(0, 1), (2,), (8,))
        a.astype(np.float64, copy=False).view(np.int64)
        np.empty_like(a)
    assert total(counts) == 0


def test_adding_to_a_part_assigns_nothing_anew():
    a = there(2, 3)
    with counted() as counts:
        a[:1] += a[1:]
    assert kinds(counts) == {ELEMENTWISE: 1}


def test_each_launch_has_the_function_that_asks_for_it():
    x = Tensor(there(2, 3))
    with counted() as counts:
        F.linear(x, x)
        np.exp(x.data)
    assert [tuple(launch) for launch, n in counts.items() if n] == [
        (PRODUCTS, "functional/linear.py", "matmul"),
        (ELEMENTWISE, "the step itself", ""),
    ]


def test_outside_the_context_nothing_is_counted():
    with counted() as counts:
        pass
    there(2) + 1
    assert not counts


def step(monkeypatch):
    monkeypatch.setattr(ours, "rng", np.random.default_rng(0))
    return ours.critic_step(2, 4)


def test_the_step_that_is_counted_is_that_on_the_host(monkeypatch):
    here = step(monkeypatch)
    expected = here()
    with on_the_stand_in():
        counted_step = step(monkeypatch)
        with counted() as counts:
            numbers = counted_step()
    assert total(counts) > 1000
    for name, number in expected.items():
        assert type(numbers[name].data) is pretend.ndarray
        np.testing.assert_allclose(numbers[name].numpy(), number.numpy(), rtol=1e-4, err_msg=name)
    weights = [s.func.__self__.critic.state_dict() for s in (here, counted_step)]
    for path, array in weights[0].items():
        np.testing.assert_allclose(weights[1][path], array, rtol=1e-4, atol=1e-6, err_msg=path)


def test_the_count_is_always_the_same_and_the_fused_step_launches_less():
    first, second = (launches(ours.critic_step, 2, 4) for _ in range(2))
    assert first == second
    assert fused(first) < total(first) / 5


def test_the_page_says_what_is_counted():
    """To a twentieth: a change of some launches need not be told at once."""
    page = (TESTS / "README.md").read_text(encoding="utf-8")
    rows = {"WGAN-GP, critic, DIM 16": "critic-16", "GAN of linear layers": "mlp", "residual block": "residual"}
    for label, row in rows.items():
        name, *sizes = ROWS[row].work
        count = launches(getattr(ours, name), *sizes)
        inside = [total(count, files=[file]) for file in WHOLES]
        expected = [total(count), *inside, 1e3 * LAUNCH * total(count), 1e3 * CALL * total(count), fused(count)]
        cells = re.search(rf"\| {label} \| ([\d. |]*) \|", page)[1].split(" | ")  # and not the table of times
        told = [float(cell) for cell in cells]
        np.testing.assert_allclose(told[:5] + told[6:], expected, rtol=0.05)


# What the engine launches --------------------------------------------------------------------------------------------


def images(*shape):
    """As a convolution leaves them: (N, C, H, W) that lie in memory as (H, N, W, C)."""
    n, c, h, w = shape
    return Tensor(there(h, n, w, c)).permute(1, 3, 0, 2)


def weights(o, c, kh, kw):
    """As `nn.init` leaves them: (O, C, kh, kw) that lie in memory as (kh, kw, C, O)."""
    return Tensor(there(kh, kw, c, o)).permute(3, 2, 0, 1)


def test_a_convolution_copies_a_strip_and_multiplies_by_each_row_of_the_kernel_once_in_a_band():
    """There are three bands: the columns at either edge, which see two columns of the kernel, and those between."""
    x, w, bands, rows = images(2, 8, 6, 6), weights(4, 8, 3, 3), 3, 3
    with counted() as counts:
        F.conv2d(x, w, padding=1)
    assert kinds(counts) == {
        PRODUCTS: bands * rows,
        ELEMENTWISE: bands * (rows - 1),
        COPIES: bands + bands,  # strips, and the result, of which each band is a part
        FILLS: bands,
    }


def test_a_transposed_convolution_writes_each_pixel_once():
    """Four phases in two bands each, of two taps on each axis; the strips serve both phases of the rows."""
    y, w, phases, bands, rows = images(64, 32, 6, 6), weights(32, 32, 4, 4), 4, 2, 2
    with counted() as counts:
        F.conv_transpose2d(y, w, stride=2, padding=1)
    assert kinds(counts) == {
        PRODUCTS: phases * bands * rows,
        ELEMENTWISE: phases * bands * (rows - 1),
        COPIES: phases * bands // 2 + phases + phases * bands,  # strips, turned weights, pixels
        FILLS: phases * bands,
    }


def test_adam_launches_twelve_kernels_for_each_parameter():
    parameters = [Parameter(there(2, 3)), Parameter(there(3))]
    adam, gradients = optim.Adam(parameters), [Tensor(there(2, 3)), Tensor(there(3))]
    with counted() as counts:
        adam.step(gradients)
    assert kinds(counts) == {ELEMENTWISE: 12 * 2} and fused(counts) == 1
