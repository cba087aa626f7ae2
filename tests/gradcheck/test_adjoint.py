"""Linear functions and their adjoints: ⟨y, A x⟩ = ⟨Aᵀy, x⟩ to the last digit, and fast functions against slow twins.

The identity needs no finite difference, so it is exact to rounding; Hypothesis looks for the shapes that break it. A
pair (A, Aᵀ) could still be consistently wrong, so each function is also compared with its definition, written as loops.
"""

import contextlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import spreadable

from scratchgan import Tensor, grad
from scratchgan import functional as F
from scratchgan.functional.broadcast import broadcast_to, sum_to, total, total_product
from scratchgan.functional.conv import conv, conv_transpose, weight_grad
from scratchgan.functional.kernels.geometry import Geometry, Visits
from scratchgan.functional.kernels.strips import _by_phases, _scatter_is_cheaper, _scattered
from scratchgan.functional.shape import getitem, scatter
from scratchgan.testing import check_adjoint

small = st.integers(1, 3)


def normal(shape, seed=9):
    """Another seed than the checker's: for y = x, ⟨y, A x⟩ = ⟨Bᵀy, x⟩ holds with B = Aᵀ as well, the wrong adjoint."""
    return np.random.default_rng(seed).standard_normal(shape)


def assert_close(actual, expected):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)


@st.composite
def geometries(draw):
    """Kernels, strides and paddings of any kind, and an image that the kernel fits in."""
    axes = []
    for _ in range(2):
        kernel, stride, padding = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(0, 4))
        smallest = max(1, kernel - 2 * padding)
        axes.append((kernel, stride, padding, draw(st.integers(smallest, smallest + 5))))
    return Geometry(*zip(*axes))


# Convolution ---------------------------------------------------------------------------------------------------------

# The table of conv.py. Each entry: the linear map of one argument, that argument, and the adjoint.
SIX_DERIVATIVES = {
    "conv in x": lambda x, y, w, at: (
        lambda x: conv(x, w, at), x, lambda g: conv_transpose(g, w, at)
    ),
    "conv in w": lambda x, y, w, at: (
        lambda w: conv(x, w, at), w, lambda g: weight_grad(x, g, at)
    ),
    "conv_transpose in y": lambda x, y, w, at: (
        lambda y: conv_transpose(y, w, at), y, lambda g: conv(g, w, at)
    ),
    "conv_transpose in w": lambda x, y, w, at: (
        lambda w: conv_transpose(y, w, at), w, lambda g: weight_grad(g, y, at)
    ),
    "weight_grad in x": lambda x, y, w, at: (
        lambda x: weight_grad(x, y, at), x, lambda g: conv_transpose(y, g, at)
    ),
    "weight_grad in y": lambda x, y, w, at: (
        lambda y: weight_grad(x, y, at), y, lambda g: conv(x, g, at)
    ),
}  # fmt: skip


def trilinear(at, batch, channels, maps):
    """x (N, C, H, W), y (N, O, oh, ow) and w (O, C, kh, kw) of a geometry."""
    return (
        Tensor(normal((batch, channels, *at.size), 1)),
        Tensor(normal((batch, maps, *at.output), 2)),
        Tensor(normal((maps, channels, *at.kernel), 3)),
    )


@pytest.mark.parametrize("derivative", SIX_DERIVATIVES)
@given(at=geometries(), batch=small, channels=small, maps=small)
def test_the_six_derivatives_of_convolution(derivative, at, batch, channels, maps):
    f, argument, adjoint = SIX_DERIVATIVES[derivative](*trilinear(at, batch, channels, maps), at)
    check_adjoint(f, argument.data, adjoint)
    check_adjoint(f, argument.data)  # and by its own vjp, there and back


@contextlib.contextmanager
def rows_are_channels(whether):
    """The rows of a kernel as channels, as of images with few channels, or in strips, as of all others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scratchgan.functional.kernels.strips.THIN", math.inf if whether else 0)
        yield


@pytest.mark.parametrize("thin", [True, False])
@given(at=geometries(), batch=small, channels=small, maps=small)
def test_one_trilinear_form(thin, at, batch, channels, maps):
    """⟨y, conv(x, w)⟩ = ⟨conv_transpose(y, w), x⟩ = ⟨weight_grad(x, y), w⟩."""
    x, y, w = trilinear(at, batch, channels, maps)
    with rows_are_channels(thin):
        form = (y * conv(x, w, at)).sum().item()
        assert np.isclose((conv_transpose(y, w, at) * x).sum().item(), form, rtol=0, atol=1e-10)
        assert np.isclose((weight_grad(x, y, at) * w).sum().item(), form, rtol=0, atol=1e-10)


@given(at=geometries(), batch=small, channels=st.sampled_from([1, 2, 9]), maps=small)
def test_the_two_forms_of_the_adjoint_give_the_same(at, batch, channels, maps):
    """Whatever the rule that chooses between them says; with few channels, and with many, which lie otherwise."""
    x, y, w = trilinear(at, batch, channels, maps)
    for form in (_scattered, _by_phases):
        adjoint = form(y.data, w.data, at)
        assert adjoint.shape == x.shape
        assert np.isclose((adjoint * x.data).sum(), (y * conv(x, w, at)).sum().item(), rtol=0, atol=1e-10)
    assert_close(_scattered(y.data, w.data, at), _by_phases(y.data, w.data, at))


def test_the_rule_chooses_each_form_somewhere():
    """Scattered are one channel, or many channels on few pixels."""
    assert _scatter_is_cheaper(np.empty((50, 64, 14, 14)), np.empty((64, 1, 5, 5)))
    assert not _scatter_is_cheaper(np.empty((16, 128, 16, 16)), np.empty((128, 64, 4, 4)))
    assert _scatter_is_cheaper(np.empty((16, 512, 4, 4)), np.empty((512, 256, 4, 4)))


@given(st.integers(1, 9), st.integers(0, 4), st.integers(1, 3), st.integers(-6, 4), st.integers(1, 6))
def test_taps_and_bands_are_what_lies_on_the_axis(length, taps, stride, start, count):
    """Found one by one: which tap of which visit lies on which element."""
    axis = Visits(length, taps, stride, start, count)
    places = {(i, u): start + stride * i + u for i in range(count) for u in range(taps)}
    met = {place: element for place, element in places.items() if 0 <= element < length}
    assert met == {
        (i, tap): element
        for tap, visits, elements in axis.by_tap()
        for i, element in zip(range(count)[visits], range(length)[elements], strict=True)
    }
    assert met == {
        (i, u): first + stride * (i - visits.start) + u - tapped.start
        for visits, tapped, first in axis.bands()
        for i in range(count)[visits]
        for u in range(taps)[tapped]
    }
    assert [i for band in axis.bands() for i in range(count)[band.visits]] == list(range(count))


@given(at=geometries(), channels=small, maps=small)
def test_conv_transpose2d_is_the_adjoint_of_conv2d(at, channels, maps):
    """With the same weight; output_padding is what the convolution's floor division dropped."""
    dropped = tuple((n + 2 * p - k) % s for n, p, k, s in zip(at.size, at.padding, at.kernel, at.stride))
    x, _, w = trilinear(at, 2, channels, maps)
    check_adjoint(
        lambda x: F.conv2d(x, w, stride=at.stride, padding=at.padding),
        x.data,
        lambda y: F.conv_transpose2d(y, w, stride=at.stride, padding=at.padding, output_padding=dropped),
    )


@given(at=geometries(), batch=small, channels=small)
def test_fold_is_the_adjoint_of_unfold(at, batch, channels):
    options = {"padding": at.padding, "stride": at.stride}
    unfold = lambda x: F.unfold(x, at.kernel, **options)  # noqa: E731
    fold = lambda y: F.fold(y, at.size, at.kernel, **options)  # noqa: E731
    x = normal((batch, channels, *at.size))
    check_adjoint(unfold, x, fold)
    check_adjoint(unfold, x)
    check_adjoint(fold, unfold(Tensor(x)).data)


# Convolution by its definition ---------------------------------------------------------------------------------------


def positions(shape):
    return itertools.product(*map(range, shape))


def conv2d_by_loops(x, w, b, stride, padding):
    """y[n, o, i, j] = b[o] + Σ x[n, c, s·i + u − p, s·j + v − p] w[o, c, u, v], where x is zero outside the image."""
    (n, channels, height, width), (maps, _, kh, kw), (sh, sw), (ph, pw) = x.shape, w.shape, stride, padding
    oh, ow = (height + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    y = np.zeros((n, maps, oh, ow))
    for m, o, i, j in positions(y.shape):
        y[m, o, i, j] = b[o]
        for c, u, v in positions((channels, kh, kw)):
            row, column = sh * i + u - ph, sw * j + v - pw
            if 0 <= row < height and 0 <= column < width:
                y[m, o, i, j] += x[m, c, row, column] * w[o, c, u, v]
    return y


def conv_transpose2d_by_scattering(y, w, b, stride, padding, output_padding):
    """Every element spreads a kernel, full[s·i + u, s·j + v] += y[i, j] w[u, v]; the padding is what is cropped."""
    (n, _, oh, ow), (_, channels, kh, kw), (sh, sw), (ph, pw) = y.shape, w.shape, stride, padding
    (eh, ew), height, width = output_padding, (oh - 1) * sh + kh, (ow - 1) * sw + kw
    full = np.zeros((n, channels, height + eh, width + ew))
    for i, j, u, v in positions((oh, ow, kh, kw)):
        full[:, :, sh * i + u, sw * j + v] += y[:, :, i, j] @ w[:, :, u, v]
    return full[:, :, ph : height - ph + eh, pw : width - pw + ew] + b[:, None, None]


@pytest.mark.parametrize("thin", [True, False])
@given(at=geometries(), batch=st.integers(1, 2), channels=small, maps=small)
def test_conv2d_is_its_definition(thin, at, batch, channels, maps):
    x, _, w = trilinear(at, batch, channels, maps)
    b = normal(maps, 4)
    with rows_are_channels(thin):
        y = F.conv2d(x, w, Tensor(b), at.stride, at.padding)
    assert_close(y.data, conv2d_by_loops(x.data, w.data, b, at.stride, at.padding))


@st.composite
def transposed_geometries(draw):
    """Size, kernel, stride, padding and output padding for each axis, such that something is left of the output."""
    axes = []
    for _ in range(2):
        size, kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
        extra = draw(st.integers(0, stride - 1))
        full = (size - 1) * stride + kernel + extra
        axes.append((size, kernel, stride, draw(st.integers(0, (full - 1) // 2)), extra))
    return zip(*axes)


@given(transposed_geometries(), small, small)
def test_conv_transpose2d_is_its_definition(geometry, maps, channels):
    size, kernel, *options = map(tuple, geometry)
    y, w, b = normal((2, maps, *size), 1), normal((maps, channels, *kernel), 2), normal(channels, 3)
    x = F.conv_transpose2d(Tensor(y), Tensor(w), Tensor(b), *options)
    assert_close(x.data, conv_transpose2d_by_scattering(y, w, b, *options))


@given(kernel=st.tuples(st.integers(1, 6), st.integers(1, 6)), size=st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_same_padding_keeps_the_size(kernel, size):
    """Of an even kernel, the odd zero goes after the image."""
    x, w = normal((1, 2, *size), 1), normal((1, 2, *kernel), 2)
    y = F.conv2d(Tensor(x), Tensor(w), padding="same")
    before_after = [((k - 1) // 2, k // 2) for k in kernel]
    expected = conv2d_by_loops(np.pad(x, [(0, 0), (0, 0), *before_after]), w, np.zeros(1), (1, 1), (0, 0))
    assert y.shape[2:] == size
    assert_close(y.data, expected)


@given(at=geometries(), batch=small, channels=small)
def test_unfold_is_its_definition(at, batch, channels):
    """Column i·ow + j holds the patch at (i, j), channel by channel."""
    x = normal((batch, channels, *at.size))
    padded = np.pad(x, [(0, 0), (0, 0), *zip(at.padding, at.padding)])
    (kh, kw), (sh, sw), (oh, ow) = at.kernel, at.stride, at.output
    columns = [padded[:, :, sh * i :, sw * j :][:, :, :kh, :kw].reshape(batch, -1) for i, j in positions((oh, ow))]
    y = F.unfold(Tensor(x), at.kernel, padding=at.padding, stride=at.stride)
    assert_close(y.data, np.stack(columns, -1))


# Pooling -------------------------------------------------------------------------------------------------------------


@st.composite
def poolings(draw):
    """Size, kernel, stride and padding for each axis, and whether a last partial window is kept."""
    axes = []
    for _ in range(2):
        kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        padding = draw(st.integers(0, kernel // 2))
        smallest = max(1, kernel - 2 * padding)
        axes.append((draw(st.integers(smallest, smallest + 5)), kernel, stride, padding))
    return [*map(tuple, zip(*axes)), draw(st.booleans())]


def windows_by_loops(size, kernel, stride, padding, ceil_mode):
    """The windows along an axis as ranges, which may reach into the padding.

    A window lies in the padded image; with ``ceil_mode``, one more follows while the last leaves a remainder, if it
    begins before the end of the image.
    """
    end, start, windows = size + padding, -padding, []
    while start + kernel <= end or (ceil_mode and start < size and windows[-1].stop < end):
        windows.append(range(start, start + kernel))
        start += stride
    return windows


def pool_by_loops(x, pooling, reduce):
    """``reduce(elements, rows, columns)`` of the elements of the image in each window."""
    size, kernel, stride, padding, ceil_mode = pooling
    rows, columns = (windows_by_loops(*axis, ceil_mode) for axis in zip(size, kernel, stride, padding))
    y = np.empty((*x.shape[:2], len(rows), len(columns)))
    for (i, r), (j, c) in itertools.product(enumerate(rows), enumerate(columns)):
        inside = x[:, :, max(r.start, 0) : r.stop, max(c.start, 0) : c.stop]
        y[:, :, i, j] = reduce(inside, r, c)
    return y


@given(poolings())
def test_max_pool2d_is_its_definition(pooling):
    size, *options, ceil_mode = pooling
    x = normal((2, 2, *size))
    y, winners = F.max_pool2d(Tensor(x), *options, ceil_mode=ceil_mode, return_indices=True)
    assert_close(y.data, pool_by_loops(x, pooling, lambda inside, *_: inside.max((-2, -1))))
    np.testing.assert_array_equal(
        np.take_along_axis(x.reshape(2, 2, -1), winners.data.reshape(2, 2, -1), -1).reshape(y.shape), y.data
    )


@given(poolings(), st.sampled_from(["padding counted", "padding not counted", "divisor"]))
def test_avg_pool2d_is_its_definition(pooling, count):
    size, (kernel, stride, padding), ceil_mode = pooling[0], pooling[1:4], pooling[4]
    x = normal((2, 2, *size))

    def mean(inside, *window):
        if count == "divisor":
            return inside.sum((-2, -1)) / 5
        if count == "padding not counted":
            return inside.mean((-2, -1))
        counted = [min(w.stop, n + p) - w.start for w, n, p in zip(window, size, padding)]  # not beyond the padding
        return inside.sum((-2, -1)) / np.prod(counted)

    options = {
        "ceil_mode": ceil_mode,
        "count_include_pad": count == "padding counted",
        "divisor_override": 5 if count == "divisor" else None,
    }
    pool = lambda x: F.avg_pool2d(x, kernel, stride, padding, **options)  # noqa: E731
    assert_close(pool(Tensor(x)).data, pool_by_loops(x, pooling, mean))
    check_adjoint(pool, x)


# Interpolation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "nearest"},
        {"mode": "nearest-exact"},
        {"mode": "bilinear"},
        {"mode": "bilinear", "align_corners": True},
    ],
    ids=str,
)
@given(
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    target=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_interpolate_is_linear_and_keeps_constants(options, size, target):
    x = normal((2, 1, *size))
    check_adjoint(lambda x: F.interpolate(x, target, **options), x)
    assert_close(F.interpolate(Tensor(np.full_like(x, 2.5)), target, **options).data, np.full((2, 1, *target), 2.5))


@given(size=st.tuples(st.integers(1, 4), st.integers(1, 4)), factor=st.integers(1, 5))
def test_nearest_upsampling_repeats_every_pixel(size, factor):
    x = normal((1, 2, *size))
    repeated = x.repeat(factor, 2).repeat(factor, 3)
    assert_close(F.interpolate(Tensor(x), scale_factor=factor).data, repeated)
    assert_close(F.interpolate(Tensor(x), repeated.shape[2:]).data, repeated)


def test_bilinear_interpolation_of_a_ramp():
    """With aligned corners it is the ramp again; otherwise pixel i lies at (i + ½)/2 − ½, clamped at the edges."""
    ramp = Tensor(np.array([[[[0.0, 1.0, 2.0]]]]))
    corners = F.interpolate(ramp, (1, 5), mode="bilinear", align_corners=True)
    np.testing.assert_allclose(corners.data.ravel(), [0, 0.5, 1, 1.5, 2], atol=1e-15)
    edges = F.interpolate(ramp, scale_factor=(1, 2), mode="bilinear")
    np.testing.assert_allclose(edges.data.ravel(), [0, 0.25, 0.75, 1.25, 1.75, 2], atol=1e-15)


@given(n=st.integers(1, 8), length=st.integers(1, 20))
def test_nearest_exact_picks_the_pixel_at_the_centre_of_the_new_one(n, length):
    """Output i covers the inputs from i·n/length to (i + 1)·n/length; their middle is in pixel ⌊(i + ½) n/length⌋."""
    y = F.interpolate(Tensor(np.arange(float(n)).reshape(1, 1, n)), length, mode="nearest-exact")
    np.testing.assert_array_equal(y.data.ravel(), (2 * np.arange(length) + 1) * n // (2 * length))


def test_a_scale_that_gives_no_whole_number_of_pixels():
    """⌊3 · 1.6⌋ = 4 pixels, spaced by 1/1.6, or, recomputed, by 3/4; the ramp tells where they lie."""
    ramp = Tensor(np.array([[[0.0, 1.0, 2.0]]]))
    options = {"scale_factor": 1.6, "mode": "linear"}
    given_scale = F.interpolate(ramp, **options).data.ravel()
    recomputed = F.interpolate(ramp, **options, recompute_scale_factor=True).data.ravel()
    centres = np.arange(4) + 0.5
    np.testing.assert_allclose(given_scale, np.clip(centres / 1.6 - 0.5, 0, 2), atol=1e-15)
    np.testing.assert_allclose(recomputed, np.clip(centres * 3 / 4 - 0.5, 0, 2), atol=1e-15)


@pytest.mark.parametrize("scale, size", [(1.1, 5), (1.19, 5), (2.05, 10), (2.19, 10)])
def test_an_image_whose_size_stays_or_doubles_is_copied_or_repeated(scale, size):
    """Whatever the scale; a row of numbers is not an image."""
    image = np.arange(25.0).reshape(1, 1, 5, 5)
    expected = image.repeat(size // 5, 2).repeat(size // 5, 3)
    np.testing.assert_array_equal(F.interpolate(Tensor(image), scale_factor=scale).data, expected)
    if size == 5:
        np.testing.assert_array_equal(F.interpolate(Tensor(image), scale_factor=scale, mode="bilinear").data, expected)
    numbers = F.interpolate(Tensor(image[0]), scale_factor=scale).data
    np.testing.assert_array_equal(numbers, image[0][..., np.floor(np.arange(size) / scale).astype(int)])


def test_nearest_pixels_are_found_in_float32():
    """⌊33 / 1.1⌋ is 30 there, as in PyTorch. But a whole scale repeats, though ⌊41 · (1/41)⌋ would be 0."""
    picked = F.interpolate(Tensor(np.arange(49.0)[None, None]), scale_factor=1.1).data[0, 0]
    in_float32 = (np.arange(53, dtype=np.float32) * np.float32(1 / 1.1)).astype(int)
    assert (in_float32 != (np.arange(53) / 1.1).astype(int)).any()
    np.testing.assert_array_equal(picked, in_float32)
    repeated = F.interpolate(Tensor(np.arange(3.0)[None, None]), scale_factor=41).data[0, 0]
    np.testing.assert_array_equal(repeated, np.arange(3).repeat(41))


@pytest.mark.parametrize(
    "resample",
    [
        lambda x: F.avg_pool2d(x, 3, 2, 1),
        lambda x: F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False),
        lambda x: F.interpolate(x, scale_factor=2),
        lambda x: F.interpolate(x, (4, 9)),
        lambda x: F.interpolate(x, (9, 3), mode="bilinear"),
        lambda x: F.interpolate(x, (13, 4), mode="bilinear", align_corners=True),
    ],
)
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_what_an_average_does_not_read_does_not_change_it(resample, poison):
    """Nor does a cotangent change that of an element it was not averaged from: no NaN is multiplied by 0."""
    pixels = Tensor(np.eye(49).reshape(49, 1, 7, 7))
    matrix = resample(pixels).data.reshape(49, -1).T  # a row for each output
    x = Tensor(normal((1, 1, 7, 7)), requires_grad=True)
    y = resample(x)
    g = normal(y.shape)

    def backwards(g):
        return grad(y, x, Tensor(g))[0].data

    def poisoned(array, place):
        sick = array.copy()
        sick.flat[place] = poison
        return sick

    for pixel in (0, 24, 31, 48):
        seen = matrix[:, pixel] != 0
        sick = resample(Tensor(poisoned(x.data, pixel))).data
        np.testing.assert_array_equal(sick.flat[~seen], y.data.flat[~seen])
        assert not np.isfinite(sick.flat[seen]).any()
    for output in (0, len(matrix) // 2, len(matrix) - 1):
        seen = matrix[output] != 0
        sick = backwards(poisoned(g, output))
        np.testing.assert_array_equal(sick.flat[~seen], backwards(g).flat[~seen])
        assert not np.isfinite(sick.flat[seen]).any()


# Moving elements -----------------------------------------------------------------------------------------------------


@given(data=st.data(), mode=st.sampled_from(["constant", "reflect", "replicate", "circular"]))
def test_pad_is_numpys_pad_and_linear(data, mode):
    shape = data.draw(st.lists(st.integers(2, 4), min_size=2, max_size=4), "shape")
    most = {"reflect": lambda n: n - 1, "circular": lambda n: n}.get(mode, lambda n: 5)
    axes = data.draw(st.integers(1, len(shape)), "padded axes")
    widths = [data.draw(st.tuples(*[st.integers(0, most(n))] * 2)) for n in shape[: -axes - 1 : -1]]
    pad = lambda x: F.pad(x, [width for pair in widths for width in pair], mode)  # noqa: E731
    x = normal(shape)
    numpys = np.pad(
        x,
        [(0, 0)] * (len(shape) - axes) + widths[::-1],
        mode={"replicate": "edge", "circular": "wrap"}.get(mode, mode),
    )
    assert_close(pad(Tensor(x)).data, numpys)
    check_adjoint(pad, x)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=3))
def test_padding_by_minus_p_is_the_adjoint_of_padding_by_p(axes):
    """Negative widths crop."""
    axes = [(max(n, 1 - before - after, -before, -after), before, after) for n, before, after in axes]
    widths = [width for _, *pair in axes[::-1] for width in pair]
    x = normal([n for n, *_ in axes])
    check_adjoint(lambda x: F.pad(x, widths), x, lambda y: F.pad(y, [-w for w in widths]))
    check_adjoint(lambda x: F.pad(x, widths), x)


arrays = hnp.array_shapes(min_dims=1, max_dims=3, max_side=4)


@given(data=st.data())
def test_scatter_is_the_adjoint_of_getitem(data):
    """For every kind of index: integers, slices, new axes, repeated positions, masks."""
    shape = data.draw(arrays, "shape")
    index = data.draw(
        st.one_of(
            hnp.basic_indices(shape, allow_newaxis=True),
            hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=5)),
            hnp.arrays(bool, shape),
        ),
        "index",
    )
    x = normal(shape)
    np.testing.assert_array_equal(getitem(Tensor(x), index).data, x[index])
    check_adjoint(lambda x: getitem(x, index), x, lambda y: scatter(y, index, Tensor(x)))
    check_adjoint(lambda x: getitem(x, index), x)


def test_scatter_adds_up_repeated_indices():
    into = scatter(Tensor(np.array([1.0, 10.0, 100.0])), np.array([2, 0, 2]), Tensor(np.zeros(4)))
    np.testing.assert_array_equal(into.data, [10, 0, 101, 0])


@given(data=st.data(), size=st.lists(st.integers(0, 3), max_size=4).map(tuple))
def test_sum_to_is_the_adjoint_of_broadcast_to(data, size):
    """Over all shapes that broadcast, with axes of length 0 and 1, new axes and 0-d."""
    shape = data.draw(spreadable(size))
    x = normal(shape)
    assert_close(broadcast_to(Tensor(x), size).data, np.broadcast_to(x, size))
    check_adjoint(lambda x: broadcast_to(x, size), x, lambda y: sum_to(y, shape))
    check_adjoint(lambda x: broadcast_to(x, size), x)
    check_adjoint(lambda y: sum_to(y, shape), normal(size))


@st.composite
def laid_out(draw, longest=600):
    """An array of any rank, with axes of any length, that lies in memory in any order, and some of its axes."""
    ndim = draw(st.integers(1, 4))
    shape = [draw(st.sampled_from([1, 2, 3, 5])) for _ in range(ndim)]
    shape[draw(st.integers(0, ndim - 1))] = draw(st.sampled_from([1, 15, 16, 17, 128, 129, longest]))
    x = np.random.default_rng(draw(st.integers(0, 9))).standard_normal(shape).astype(np.float32)
    x = x.transpose(draw(st.permutations(range(ndim))))
    x = x[tuple(slice(None, None, draw(st.sampled_from([1, 1, 2, -1]))) for _ in range(ndim))]
    if draw(st.booleans()):
        x = np.broadcast_to(x[..., :1], x.shape)
    return x, tuple(draw(st.permutations(range(ndim)))[: draw(st.integers(1, ndim))])


@given(laid_out())
@example((np.arange(153.0).reshape(17, 9), (0,)))
def test_total_is_a_sum_that_keeps_its_axes(arguments):
    x, axes = arguments
    y = total(x.astype(np.float64), axes)
    assert_close(y / max(1, x.size), x.astype(np.float64).sum(axes, keepdims=True) / max(1, x.size))
    assert total(x, axes).dtype == x.dtype


@given(laid_out(longest=5000))
def test_a_sum_is_right_to_the_last_digits_however_its_array_lies(arguments):
    """In float32, of numbers that would lose most: equal ones, whose rounding errors all have one sign."""
    x, axes = arguments[0] * 0 + np.float32(0.1), arguments[1]
    np.testing.assert_allclose(total(x, axes), x.astype(float).sum(axes, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(total_product(x, x, axes), (x.astype(float) ** 2).sum(axes, keepdims=True), rtol=3e-6)


MANY = np.full((1_000_000, 3), 0.1, np.float32)
ALTERNATING = Tensor(MANY * np.tile(np.float32([[1], [-1]]), (500_000, 1)))
LOGITS = Tensor(np.log(MANY))  # beside one logit of 0 they are 0.1 each in a sum of exponentials
LOGITS.data[0] = 0
EXPONENTIALS = 1 + 999_999 * 0.1
SUMS = {
    "sum": lambda x: F.sum(x, 0) / 1e6,
    "sum of three columns of four": lambda x: (
        F.sum(Tensor(np.full((500_000, 2, 4), 0.1, np.float32)[..., :3]), (0, 2)) / 1.5e6
    ),
    "mean": lambda x: F.mean(x, 0),
    "mean, one axis of two": lambda x: F.mean(x.reshape(2, 500_000, 3), 1)[0],
    "logsumexp": lambda x: F.logsumexp(LOGITS, 0) / (10 * np.log(EXPONENTIALS)),
    "softmax": lambda x: F.softmax(LOGITS, 0)[0] * (EXPONENTIALS / 10),
    "log_softmax": lambda x: -F.log_softmax(LOGITS, 0)[0] / (10 * np.log(EXPONENTIALS)),
    "the gradient of a bias": lambda x: grad(x + (b := Tensor(x.data[0], requires_grad=True)), b, x)[0] / 1e6,
    "var": lambda x: F.var(ALTERNATING, 0) * 10,
    "batch norm's mean": lambda x: moved_by_batch_norm(x)[0],
    "batch norm's variance": lambda x: moved_by_batch_norm(ALTERNATING)[1] * 10,
    "instance norm's mean": lambda x: moved_by_instance_norm(x),
}


def moved_by_batch_norm(x):
    statistics = np.zeros(3, np.float32), np.zeros(3, np.float32)
    F.batch_norm(x, *statistics, training=True, momentum=1.0)
    return [Tensor(r) for r in statistics]


def moved_by_instance_norm(x):
    """Of 250,000 samples with 4 values each."""
    mean = np.zeros(3, np.float32)
    F.instance_norm(Tensor(x.data.reshape(250_000, 3, 4)), mean, momentum=1.0)
    return Tensor(mean)


@pytest.mark.parametrize("name", SUMS)
def test_a_million_numbers_lose_no_digits(name):
    np.testing.assert_allclose(SUMS[name](Tensor(MANY)).data, 0.1, rtol=3e-6)


@given(data=st.data())
def test_sum_is_the_adjoint_of_a_broadcast(data):
    shape = data.draw(arrays)
    axes = data.draw(hnp.valid_tuple_axes(len(shape), min_size=1))
    kept = data.draw(st.booleans())
    check_adjoint(lambda x: F.sum(x, axes, kept), normal(shape))
    check_adjoint(lambda x: F.mean(x, axes, kept), normal(shape))
    np.testing.assert_allclose(
        F.mean(Tensor(normal(shape)), axes, kept).data, normal(shape).mean(axes, keepdims=kept), atol=1e-14
    )


@given(data=st.data())
def test_the_inverse_permutation_is_the_adjoint_of_a_permutation(data):
    shape = data.draw(hnp.array_shapes(max_dims=4, max_side=4))
    dims = data.draw(st.permutations(range(len(shape))))
    inverse = tuple(np.argsort(dims))
    signed = [d - len(shape) * data.draw(st.booleans()) for d in dims]
    x = normal(shape)
    np.testing.assert_array_equal(F.permute(Tensor(x), signed).data, x.transpose(dims))
    check_adjoint(lambda x: F.permute(x, signed), x, lambda y: F.permute(y, inverse))
    check_adjoint(lambda x: F.permute(x, signed), x)


@given(st.lists(small, max_size=2), small, small, small, st.integers(1, 3))
def test_pixel_unshuffle_is_the_adjoint_and_the_inverse_of_pixel_shuffle(lead, channels, height, width, r):
    x = normal((*lead, channels * r * r, height, width))
    check_adjoint(lambda x: F.pixel_shuffle(x, r), x, lambda y: F.pixel_unshuffle(y, r))
    check_adjoint(lambda x: F.pixel_shuffle(x, r), x)
    np.testing.assert_array_equal(F.pixel_unshuffle(F.pixel_shuffle(Tensor(x), r), r).data, x)


def test_pixel_shuffle_by_its_definition():
    """y[c, i·r + a, j·r + b] = x[c·r² + a·r + b, i, j]."""
    x, r = normal((8, 2, 3)), 2
    y = F.pixel_shuffle(Tensor(x), r).data
    for c, i, j, a, b in positions((2, 2, 3, r, r)):
        assert y[c, i * r + a, j * r + b] == x[c * r * r + a * r + b, i, j]


@given(data=st.data())
def test_gather_is_its_definition_and_linear(data):
    """y[i, j, k] = x[i, index[i, j, k], k] for dim 1, and so on."""
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=3))
    dim = data.draw(st.integers(0, len(shape) - 1))
    wanted = [data.draw(st.integers(1, 4)) if i == dim else n for i, n in enumerate(shape)]
    index = data.draw(hnp.arrays(np.int64, wanted, elements=st.integers(0, shape[dim] - 1)))
    x = normal(shape)
    np.testing.assert_array_equal(F.gather(Tensor(x), dim, Tensor(index)).data, np.take_along_axis(x, index, dim))
    check_adjoint(lambda x: F.gather(x, dim, index), x)
