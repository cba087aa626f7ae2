"""Memory: a graph dies with its last reference, a training does not grow, a step costs what its activations cost.

`tracemalloc` counts every array: NumPy reports its allocations to it.
"""

import gc
import platform
import subprocess
import sys
import tracemalloc
import weakref
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from parity import derivatives

import scratchgan
from scratchgan import Tensor, grad, nn, no_grad
from scratchgan.models import wgan_gp
from scratchgan.testing.cases import CASES

MIB = 2**20

# Memory: freed by reference counting alone ---------------------------------------------------------------------------


@contextmanager
def no_garbage_collector():
    gc.collect()
    gc.disable()
    gc.freeze()  # so that what there was before is not searched by living_tensors
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()


def living_tensors():
    """How many of the tensors made since the collector stopped are still there."""
    return sum(issubclass(type(thing), Tensor) for thing in gc.get_objects())


def small_network():
    rng = np.random.default_rng(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1, rng=rng),
        nn.InstanceNorm2d(3, affine=True),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(3 * 4 * 4, 1, rng=rng),
    )


def test_a_graph_dies_with_its_last_reference():
    x, network = Tensor(np.ones((2, 2, 4, 4), np.float32), requires_grad=True), small_network()
    with no_garbage_collector():
        y = network(x)
        inner = weakref.ref(y.edges[0][0])
        grad(y.sum(), x)
        assert inner() is not None
        del y
        assert inner() is None


def test_a_graph_of_gradients_dies_with_its_last_reference():
    x, network = Tensor(np.ones((2, 2, 4, 4), np.float32), requires_grad=True), small_network()
    with no_garbage_collector():
        (g,) = grad(network(x).sum(), x, create_graph=True)
        gradients = grad((g * g).sum(), network.parameters(), allow_unused=True)
        assert living_tensors() > 1 + len(gradients)
        del g, gradients
        assert living_tensors() == 0


def test_no_function_holds_on_to_its_graph_or_the_graph_of_its_gradient():
    """A vjp that captured its own result would be a cycle."""
    with no_garbage_collector():
        for case in CASES:
            derivatives(case)
            assert living_tensors() == 0, case


@contextmanager
def traced():
    """Memory is counted from here on; what is built before does not count."""
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def blocks():
    """The blocks of memory in use, with the lines of code that took them."""
    gc.collect()  # Python keeps dead tuples for reuse, some thousand of each length, until it collects
    return tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, tracemalloc.__file__)])


def peak_of(step):
    """The highest level during ``step()``, and its result: who holds that also holds what it refers to."""
    tracemalloc.reset_peak()
    result = step()
    return tracemalloc.get_traced_memory()[1], result


# A training does not grow --------------------------------------------------------------------------------------------


def tiny_model(rng):
    """Everything that the small networks have: convolutions both ways, batch norm in the generator, biases."""
    generator = nn.Sequential(
        nn.Linear(3, 8, rng=rng),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Unflatten(1, (2, 2, 2)),
        nn.ConvTranspose2d(2, 1, 4, stride=2, padding=1, rng=rng),
        nn.Tanh(),
    )
    critic = nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2, padding=1, rng=rng), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(8, 1, rng=rng)
    )
    return wgan_gp.build(rng, networks=lambda *_: (generator, critic), latent_size=3, critic_steps=1)


def test_a_thousand_training_steps_leave_nothing_behind():
    """Without the garbage collector: a step's graph dies with its last reference, so no memory waits for a collection.

    If a step left anything, be it a single float, some line would hold 900 blocks more after 1,000 steps than after
    100. Bytes would be a worse measure: the interpreter enlarges its own tables when it likes, by megabytes at once.
    """
    rng = np.random.default_rng(0)
    with no_garbage_collector(), traced():
        model, readings = tiny_model(rng), []
        parameters = sum(len(network.parameters()) for network in (model.generator, model.critic, model.average.module))
        batches = ((rng.standard_normal((2, 1, 4, 4)).astype(np.float32),) for _ in range(1000))
        for steps in (100, 900):
            for _ in range(steps):
                model.train_step(batches, rng)
            assert gc.collect() == 0  # there was no garbage to find
            readings.append(blocks())
        assert living_tensors() == parameters
    growth = {str(line.traceback): line.count_diff for line in readings[1].compare_to(readings[0], "lineno")}
    assert {line: more for line, more in growth.items() if more > 90} == {}


# What a step costs ---------------------------------------------------------------------------------------------------

BATCH = 64


def digits_model():
    """The networks of the default demo."""
    return wgan_gp.build(np.random.default_rng(0))


def images(rng):
    return Tensor(rng.uniform(-1, 1, (BATCH, 1, 28, 28)).astype(np.float32))


def activations(network, x):
    """The bytes of each layer's output, where that is an array of its own and no view."""
    sizes = []
    with no_grad():
        for layer in network:
            before, x = x, layer(x)
            sizes += [x.data.nbytes] * (not np.shares_memory(before.data, x.data))
    return sizes


def passes(model):
    """The bytes that a pass through the generator holds, one through the critic, and one convolution while it lasts.

    The critic's layers come in twos, a convolution and an activation: each output is an array. The generator's come in
    threes, with a norm between them, kept when it is normalised and when it is scaled: 4 arrays for 3 outputs.
    A convolution's strips hold what 5 columns of weights see at every second column of an image: 5/2 times the image.
    """
    rng = np.random.default_rng(0)
    generator = activations(model.generator, model.latents(BATCH, rng))
    critic = activations(model.critic, images(rng))
    return 4 / 3 * sum(generator), sum(critic), 5 / 2 * max(generator + critic)


# name: (the step, what it must hold at its peak). (3) runs D on x, x̃ and x̂, and backwards on x̂ with a record of it.
STEPS = {
    "critic step": (
        lambda model, rng: model.critic_step(images(rng), rng=rng),
        lambda generator, critic, strips: (3 + 1) * critic + strips,
    ),
    "generator step": (
        lambda model, rng: model.generator_step(images(rng), rng=rng),
        lambda generator, critic, strips: generator + critic + strips,
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_the_peak_of_a_step_is_what_its_passes_hold(name, record_property, capsys):
    """And 30 % for what comes and goes: cotangents on their way, temporary arrays, the optimiser."""
    step, needed = STEPS[name]
    rng, model = np.random.default_rng(0), digits_model()
    bound = 1.3 * needed(*passes(model))
    with traced():
        peak, _ = peak_of(lambda: step(model, rng))
    record_property("peak", peak)
    with capsys.disabled():
        print(f"\n{name} of the small networks, batch {BATCH}: {peak / MIB:.1f} MiB, bound {bound / MIB:.1f} MiB")
    assert bound / 2 < peak < bound


@pytest.mark.parametrize("name", STEPS)
def test_the_second_step_needs_no_more_than_the_first(name):
    """Also while the numbers of the first are held, as a training loop holds them: they are numbers, not graphs."""
    step, _ = STEPS[name]
    rng = np.random.default_rng(0)
    with traced():
        model = digits_model()
        first, numbers = peak_of(lambda: step(model, rng))
        second, numbers = peak_of(lambda: step(model, rng))
    assert second <= first + MIB / 32  # what Python keeps of the first, such as the geometry of each layer


REUSE = """
import resource
import numpy as np
import scratchgan

def step():
    arrays = [np.ones(2**19) for _ in range(10)]

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

step()
before = faults()
step()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc, with rules of its own")
def test_a_step_takes_the_pages_that_the_step_before_has_freed():
    """10 arrays of 4 MiB. Each new page is a fault, which the kernel counts."""
    root = Path(scratchgan.__file__).parents[1]
    faults = subprocess.run([sys.executable, "-c", REUSE], cwd=root, capture_output=True, text=True, check=True)
    assert int(faults.stdout) < 100
