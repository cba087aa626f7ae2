"""Whatever the shapes, the options and the memory: derivatives to second order, and what they may never do.

The linear functions of one argument have an exact test in test_adjoint.py. Here are the others, non-linear or of
several arguments, against central differences: Hypothesis looks for the call that breaks one of them. It draws shapes,
options, memory layouts and a seed, never the numbers themselves: those come from a generator, in the domain of the
function and away from its kinks, where a difference would see two slopes.
"""

import math
from functools import partial

import numpy as np
import pytest
from derivatives import value_and_derivatives
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import spreadable

from scratchgan import functional as F
from scratchgan.testing import check_grads
from scratchgan.testing.cases import away, distinct, normal, positive, uniform

# Calls ---------------------------------------------------------------------------------------------------------------

# The same numbers, elsewhere in memory.
REARRANGED = {
    "contiguous": lambda a: a,
    "read-only": lambda a: np.broadcast_to(a, a.shape),
    "transposed": lambda a: a.T.copy().T,
    "channels last": lambda a: np.moveaxis(np.moveaxis(a, 1, -1).copy(), -1, 1) if a.ndim > 2 else a,
    "every other element": lambda a: np.stack([a, np.zeros_like(a)], -1)[..., 0],
    "backwards": lambda a: np.flip(np.flip(a).copy()),
}

# A stride of 0 repeats numbers: not for a function that has a kink where they tie, or an ill condition where all agree.
LAYOUTS = REARRANGED | {"repeated": lambda a: np.broadcast_to(a[:1] if a.ndim else a, a.shape)}


@st.composite
def calls(draw, function, layouts=LAYOUTS, **recipes):
    """``function`` as one of Tensors, and an array for each of its named arguments, each in a layout of its own.

    Floating arrays are float64, and arguments to differentiate; the others are constants.
    """
    rng, arrays = np.random.default_rng(draw(st.integers(0, 2**32 - 1))), []
    for name, recipe in recipes.items():
        array, layout = np.asarray(recipe(rng)), draw(st.sampled_from(sorted(layouts)))
        arrays.append(np.asarray(layouts[layout](array)))
        note(f"{name}: {layout}, of shape {array.shape}")
    note(f"of {function}")
    return lambda *tensors: function(**dict(zip(recipes, tensors))), arrays


few, small = st.sampled_from([2, 3, 1, 0]), st.integers(1, 3)
spread = st.sampled_from([2, 3, 0])  # what an axis of length 1 can become
sides, shapes = st.lists(few, max_size=2), st.lists(few, max_size=3)
interleaved = partial(distinct, offset=0.15)

# Elementwise functions -----------------------------------------------------------------------------------------------


def mask(*shape):
    return lambda rng: rng.random(shape) < 0.5


@st.composite
def broadcasts(draw, function, **recipes):
    """Shapes that broadcast against each other, 0-d and empty ones among them."""
    shape = draw(st.lists(spread, min_size=1, max_size=3))
    return draw(calls(function, **{name: recipe(*draw(spreadable(shape))) for name, recipe in recipes.items()}))


@st.composite
def prelus(draw):
    """One weight, or one for each channel: along axis 1, where broadcasting would take the last."""
    shape = draw(shapes)
    weight = draw(st.sampled_from([(), (1,), tuple(shape[1:2]) or (1,)]))
    return draw(calls(F.prelu, input=away(*shape), weight=normal(*weight)))


BROADCASTS = {
    "add": broadcasts(partial(F.add, alpha=-2.5), input=normal, other=normal),
    "sub": broadcasts(F.sub, input=normal, other=normal),
    "mul": broadcasts(F.mul, input=normal, other=normal),
    "div": broadcasts(F.div, input=normal, other=away),
    "pow": broadcasts(F.pow, input=positive, exponent=normal),
    "maximum": broadcasts(F.maximum, input=distinct, other=interleaved),
    "minimum": broadcasts(F.minimum, input=distinct, other=interleaved),
    "where": broadcasts(F.where, condition=mask, input=normal, other=normal),
    "prelu": prelus(),
}


@pytest.mark.parametrize("name", BROADCASTS)
@given(data=st.data())
def test_a_broadcast_argument_collects_its_cotangents(name, data):
    """x̄ⱼ = Σᵢ gᵢ ∂yᵢ/∂xⱼ over all outputs i that xⱼ was spread over, which may be none."""
    check_grads(*data.draw(BROADCASTS[name]), order=2)


@st.composite
def elementwise(draw, function, recipe, **options):
    """Any shape, and each option one of those listed."""
    chosen = {name: draw(st.sampled_from(values)) for name, values in options.items()}
    return draw(calls(partial(function, **chosen), input=recipe(*draw(shapes))))


ELEMENTWISE = {
    "neg": elementwise(F.neg, normal),
    "exp": elementwise(F.exp, normal),
    "log": elementwise(F.log, positive),
    "sqrt": elementwise(F.sqrt, positive),
    "abs": elementwise(F.abs, away),
    "sigmoid": elementwise(F.sigmoid, normal),
    "tanh": elementwise(F.tanh, normal),
    "relu": elementwise(F.relu, away),
    "leaky_relu": elementwise(F.leaky_relu, away, negative_slope=[-0.3, 0.0, 0.2, 1.0, 1.5]),
    "elu": elementwise(F.elu, away, alpha=[0.5, 1.0, 1.7]),
    "softplus": elementwise(F.softplus, away, beta=[0.5, 1.0, 2.5], threshold=[0.0, 20.0]),
    "clamp": elementwise(F.clamp, distinct, min=[None, -0.3], max=[0.0, 0.9]),
    "pow, whole exponent": elementwise(F.pow, away, exponent=[-2, -1, 0, 1, 2, 3]),
    "pow, fraction": elementwise(F.pow, positive, exponent=[-0.5, 0.5, 1.5]),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
@given(data=st.data())
def test_an_elementwise_function_multiplies_by_its_slope(name, data):
    """x̄ = g φ'(x), whose own derivatives are φ'(x) and g φ''(x)."""
    check_grads(*data.draw(ELEMENTWISE[name]), order=2)


# Reductions ----------------------------------------------------------------------------------------------------------


@st.composite
def reductions(draw, function, recipe=normal, layouts=LAYOUTS, least=1, corrected=False):
    """Any axes, in every spelling. Of nothing there is a sum but no mean: reduced axes have at least ``least``."""
    ndim = draw(few)
    axes = draw(hnp.valid_tuple_axes(ndim, min_size=min(ndim, 1)))
    shape = [draw(st.integers(least if {i, i - ndim} & {*axes} else 0, 3)) for i in range(ndim)]
    spellings = [axes, *axes[: len(axes) == 1], *[None] * (len(axes) == ndim)]
    options = {"dim": draw(st.sampled_from(spellings)), "keepdim": draw(st.booleans())}
    if corrected:
        options["correction"] = draw(st.integers(0, min(math.prod(shape[axis] for axis in axes) - 1, 2)))
    return draw(calls(partial(function, **options), layouts, input=recipe(*shape)))


@st.composite
def softmaxes(draw, function):
    """One axis, counted from either end."""
    before, classes, after = draw(sides), draw(small), draw(sides)
    dim = draw(st.sampled_from([len(before), -1 - len(after)]))
    return draw(calls(partial(function, dim=dim), input=normal(*before, classes, *after)))


REDUCTIONS = {
    "sum": reductions(F.sum, least=0),
    "mean": reductions(F.mean),
    "var": reductions(F.var, corrected=True),
    "std": reductions(F.std, distinct, REARRANGED, corrected=True),
    "amax": reductions(F.amax, distinct, REARRANGED),
    "logsumexp": reductions(F.logsumexp),
    "softmax": softmaxes(F.softmax),
    "log_softmax": softmaxes(F.log_softmax),
}


@pytest.mark.parametrize("name", REDUCTIONS)
@given(data=st.data())
def test_a_reduction_spreads_its_cotangent_over_what_it_reduced(name, data):
    """x̄ᵢ = g ∂y/∂xᵢ: 1 for a sum, 1/n for a mean, the softmax for logsumexp, for a maximum 1 at the winner."""
    check_grads(*data.draw(REDUCTIONS[name]), order=2)


# Normalisations ------------------------------------------------------------------------------------------------------

epsilons = st.sampled_from([1e-5, 0.1, 1.0])


def affine(*shape):
    """A scale and a shift, either of which may be missing."""
    return st.fixed_dictionaries({}, optional={"weight": st.just(normal(*shape)), "bias": st.just(normal(*shape))})


@st.composite
def channel_norms(draw, function, layouts=LAYOUTS, together=lambda batch, pixels: 2, grouped=False, **statistics):
    """(N, C, …), where at least two elements are normalised ``together``: `distinct`, so that they have a variance."""
    batch, groups, each, space = draw(few), draw(small), draw(small), draw(st.lists(small, max_size=2))
    assume(together(batch, math.prod(space)) > 1 and (not grouped or batch * each * math.prod(space) != 1))
    options = {"eps": draw(epsilons)} | ({"num_groups": groups} if grouped else {})
    buffers = {name: recipe(groups * each) for name, recipe in statistics.items()}
    images, weights = distinct(batch, groups * each, *space), draw(affine(groups * each))
    return draw(calls(partial(function, **options), layouts, input=images, **buffers, **weights))


@st.composite
def layer_norms(draw):
    lead, shape = draw(sides), draw(hnp.array_shapes(max_dims=2, max_side=3))
    norm = partial(F.layer_norm, normalized_shape=shape, eps=draw(epsilons))
    return draw(calls(norm, REARRANGED, input=distinct(*lead, *shape), **draw(affine(*shape))))


training = partial(F.batch_norm, running_mean=None, running_var=None, training=True)

NORMALISATIONS = {
    "batch_norm": channel_norms(training, REARRANGED, together=lambda batch, pixels: batch * pixels),
    "batch_norm, evaluation": channel_norms(F.batch_norm, running_mean=normal, running_var=positive),
    "layer_norm": layer_norms(),
    "instance_norm": channel_norms(F.instance_norm, together=lambda batch, pixels: batch and pixels),
    "group_norm": channel_norms(F.group_norm, grouped=True),
}


@pytest.mark.parametrize("name", NORMALISATIONS)
@given(data=st.data())
def test_a_normalisation_differentiates_its_statistics_too(name, data):
    """x̄ = (g − mean g − y mean(g y)) / σ, where y and σ are functions of x again; in evaluation, x̄ = g / σ."""
    check_grads(*data.draw(NORMALISATIONS[name]), order=2)


# Products ------------------------------------------------------------------------------------------------------------


@st.composite
def matrix_products(draw):
    """Vectors, matrices and batches that broadcast; the inner length may be 0 as well."""
    batch, rows, inner, columns = draw(st.lists(spread, min_size=1, max_size=2)), draw(small), draw(few), draw(small)
    matrices = [*draw(spreadable(batch)), rows, inner], [*draw(spreadable(batch)), inner, columns]
    left, right = (draw(st.sampled_from([matrix, matrix, matrix, [inner]])) for matrix in matrices)
    return draw(calls(F.matmul, input=normal(*left), other=normal(*right)))


@st.composite
def linear_layers(draw):
    lead, inputs, outputs = draw(sides), draw(few), draw(small)
    bias = {"bias": normal(outputs)} if draw(st.booleans()) else {}
    return draw(calls(F.linear, input=normal(*lead, inputs), weight=normal(outputs, inputs), **bias))


@st.composite
def windows(draw, most_padding):
    """Size, kernel, stride and padding of the two axes of an image in which the kernel fits."""
    axes = []
    for _ in range(2):
        kernel, stride = draw(small), draw(small)
        padding = draw(st.integers(0, most_padding(kernel)))
        axes.append((draw(few) + max(1, kernel - 2 * padding), kernel, stride, padding))
    return zip(*axes)


@st.composite
def convolutions(draw, transposed):
    """From an image to a map, or back: output_padding is what the division (n + 2p − k) / s left over."""
    size, kernel, stride, padding = draw(windows(lambda kernel: 3))
    batch, channels, maps = draw(few), draw(small), draw(small)
    weight, options = normal(maps, channels, *kernel), {"stride": stride, "padding": padding}
    if not transposed:
        image = normal(batch, channels, *size)
        return draw(calls(partial(F.conv2d, **options), input=image, weight=weight, bias=normal(maps)))
    steps, left = zip(*(divmod(n + 2 * p - k, s) for n, k, s, p in zip(size, kernel, stride, padding)))
    function = partial(F.conv_transpose2d, **options, output_padding=left)
    map_ = normal(batch, maps, *(n + 1 for n in steps))
    return draw(calls(function, input=map_, weight=weight, bias=normal(channels)))


PRODUCTS = {
    "matmul": matrix_products(),
    "linear": linear_layers(),
    "conv2d": convolutions(transposed=False),
    "conv_transpose2d": convolutions(transposed=True),
}


@pytest.mark.parametrize("name", PRODUCTS)
@given(data=st.data())
def test_each_factor_of_a_product_gets_the_cotangent_times_the_other(name, data):
    """Y = A B + b:  Ā = G Bᵀ, B̄ = Aᵀ G, and b̄ is the sum of G over all axes but its own."""
    check_grads(*data.draw(PRODUCTS[name]), order=2)


# Functions that move elements ----------------------------------------------------------------------------------------


@st.composite
def joins(draw, function, lengths):
    """Pieces that agree before and after the axis that joins them: one of any length, or a new one."""
    before, after, count = draw(sides), draw(sides), draw(small)
    dim = draw(st.sampled_from([len(before), -1 - len(after)]))
    pieces = {f"piece {i} for dim {dim}": normal(*before, *draw(lengths), *after) for i in range(count)}
    return draw(calls(lambda **named: function(list(named.values()), dim), **pieces))


@st.composite
def max_pools(draw):
    """Elements are `distinct`, so that each window has one winner."""
    size, kernel, stride, padding = draw(windows(lambda kernel: kernel // 2))
    pool = partial(F.max_pool2d, kernel_size=kernel, stride=stride, padding=padding, ceil_mode=draw(st.booleans()))
    return draw(calls(pool, input=distinct(draw(few), draw(small), *size)))


MOVES = {
    "cat": joins(F.cat, lengths=st.tuples(few)),
    "stack": joins(F.stack, lengths=st.just(())),
    "max_pool2d": max_pools(),
}


@pytest.mark.parametrize("name", MOVES)
@given(data=st.data())
def test_a_cotangent_goes_back_to_where_its_element_came_from(name, data):
    """x̄ⱼ = Σ gᵢ over the outputs i that are copies of xⱼ."""
    check_grads(*data.draw(MOVES[name]), order=2)


# Losses --------------------------------------------------------------------------------------------------------------

summaries = st.sampled_from(["mean", "sum", "none"])
probability = partial(uniform, 0.2, 0.8)


@st.composite
def losses(draw, function, prediction, target, *weights):
    """Of nothing there is a sum but no mean. A weight may be missing, and is broadcast over the batch."""
    reduction = draw(summaries)
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=reduction == "mean", max_side=3))
    chosen = {name: positive(*shape[1:]) for name in weights if draw(st.booleans())}
    loss = partial(function, reduction=reduction)
    return draw(calls(loss, input=prediction(*shape), target=target(*shape), **chosen))


@st.composite
def cross_entropies(draw, labelled):
    """Logits (C,), (N, C) or (N, C, …). The first label is 1, and so never ignored: the mean over none is 0 / 0."""
    classes, batch = draw(st.integers(2, 4)), draw(st.lists(small, max_size=3))
    shape, options = (*batch[:1], classes, *batch[1:]), {"reduction": draw(summaries)}
    options |= {"ignore_index": draw(st.sampled_from([-100, 0])), "label_smoothing": draw(st.sampled_from([0.0, 0.3]))}
    labels = (1 + np.arange(math.prod(batch)).reshape(batch)) % classes
    target = (lambda rng: labels) if labelled else uniform(0, 1, *shape)
    weight = {"weight": positive(classes)} if draw(st.booleans()) else {}
    return draw(calls(partial(F.cross_entropy, **options), input=normal(*shape), target=target, **weight))


LOSSES = {
    "mse_loss": losses(F.mse_loss, normal, normal),
    "l1_loss": losses(F.l1_loss, distinct, interleaved),
    "binary_cross_entropy": losses(F.binary_cross_entropy, probability, probability, "weight"),
    "binary_cross_entropy_with_logits": losses(
        F.binary_cross_entropy_with_logits, normal, probability, "weight", "pos_weight"
    ),
    "cross_entropy, labels": cross_entropies(labelled=True),
    "cross_entropy, probabilities": cross_entropies(labelled=False),
}


@pytest.mark.parametrize("name", LOSSES)
@given(data=st.data())
def test_a_loss_has_derivatives_in_prediction_target_and_weights(name, data):
    """x̄, t̄ and w̄ of a loss ℓ(x, t, w), and all that is mixed of them."""
    check_grads(*data.draw(LOSSES[name]), order=2)


# What holds of every function ----------------------------------------------------------------------------------------

EVERY = BROADCASTS | ELEMENTWISE | REDUCTIONS | NORMALISATIONS | PRODUCTS | MOVES | LOSSES
every_function = pytest.mark.parametrize("name", EVERY)
layouts = st.sampled_from(sorted(LAYOUTS))


@every_function
@settings(max_examples=60)
@given(data=st.data(), layout=layouts)
def test_where_numbers_lie_in_memory_changes_nothing(name, data, layout):
    call = data.draw(EVERY[name])
    scattered = value_and_derivatives(*call, lay_out=LAYOUTS[layout])
    contiguous = value_and_derivatives(*call, lambda array: array.copy(), LAYOUTS[layout])
    for x, y in zip(scattered, contiguous, strict=True):
        np.testing.assert_allclose(x.data, y.data, rtol=1e-11, atol=1e-13 * (1 + np.abs(y.data).max(initial=0)))


@every_function
@settings(max_examples=20)
@given(data=st.data(), layout=layouts)
def test_what_is_handed_in_stays_as_it_was(name, data, layout):
    """To the last bit: arguments and cotangents, after the value and both derivatives."""
    handed_in = []

    def keep(array):
        handed_in.append((array, array.tobytes()))
        return array

    value_and_derivatives(*data.draw(EVERY[name]), keep, LAYOUTS[layout])
    assert all(array.tobytes() == before for array, before in handed_in)


@every_function
@settings(max_examples=20)
@given(data=st.data(), layout=layouts)
def test_a_derivative_has_the_shape_and_the_dtype_of_its_argument(name, data, layout):
    """At float32 arguments, to both orders."""
    f, arrays = data.draw(EVERY[name])
    to_single = lambda a: a.astype(np.float32) if a.dtype.kind == "f" else a  # noqa: E731
    y, *derivatives = value_and_derivatives(f, arrays, to_single, LAYOUTS[layout])
    inputs = [array.shape for array in arrays if array.dtype.kind == "f"]
    assert [d.shape for d in derivatives] == [*inputs, *inputs, y.shape]
    assert {x.dtype for x in (y, *derivatives)} == {np.dtype(np.float32)}
