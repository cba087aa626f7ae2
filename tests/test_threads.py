"""Matrix products on several threads: always the bits of one thread, and as many threads as are fastest just now."""

import os
import subprocess
import sys

import numpy as np
import pytest

from scratchgan import Tensor, grad, metrics, nn, optim, threads
from scratchgan.lab import probes, styles
from scratchgan.losses import OBJECTIVES
from scratchgan.metrics import neighbours
from scratchgan.models import priors
from scratchgan.threads import Fastest, Products, product

rng = np.random.default_rng(0)
normal = rng.standard_normal

needs_orders = pytest.mark.skipif(not threads._libraries, reason="this BLAS takes no orders")


@pytest.fixture(autouse=True)
def as_it_was():
    yield
    threads.use()


# How many: a machine and a clock of our own ---------------------------------------------------------------------------


class Machine:
    """Cores of which other programs take some; a product's time is in thousandths of a second of its own clock."""

    def __init__(self, cores, busy=0):
        self.cores, self.busy, self.now, self.threads, self.waits = cores, busy, 0.0, cores, 5
        self.time_with = dict.fromkeys([cores >> i for i in range(cores.bit_length())], 0.0)
        self.fastest = Fastest(self.time_with, self.set_threads, lambda: self.now)

    def set_threads(self, count):
        self.threads = count

    def seconds(self):
        """Threads that find no free core make all of them wait, for five times as long or more."""
        waiting = self.threads > 1 and self.threads > self.cores - self.busy
        return 0.001 * (0.2 + 0.8 / self.threads) * (self.waits if waiting else 1)

    def work(self, seconds):
        """Products for so long; the share of the time that each number of threads had."""
        self.time_with = dict.fromkeys(self.time_with, 0.0)
        end = self.now + seconds
        while self.now < end:
            took = self.seconds()
            self.now += took
            self.time_with[self.threads] += took / seconds
            self.fastest.took(took, 0.001 * (0.2 + 0.8 / self.cores))
        return self.time_with


def test_all_cores_of_a_quiet_machine_are_used():
    assert Machine(2).work(30)[2] > 0.97


def test_beside_another_program_one_thread_of_two_is_faster():
    assert Machine(2, busy=1).work(30)[1] > 0.97


def test_beside_another_program_the_largest_number_that_finds_cores_is_used():
    shares = Machine(8, busy=1).work(30)
    assert shares[4] > 0.9, shares


def test_a_program_that_begins_is_noticed_at_once_and_that_it_ended_within_seconds():
    machine = Machine(2)
    machine.work(Fastest.KEPT + Fastest.SOONEST + 0.5)  # the next comparison is due in some seconds
    machine.busy = 1
    assert machine.work(2)[1] > 0.8
    machine.busy = 0
    machine.work(Fastest.KEPT + 1)
    assert machine.work(10)[2] > 0.97


def test_on_a_very_busy_machine_numbers_are_compared_less_often():
    machine = Machine(2, busy=1)
    machine.waits = 500
    assert machine.work(60)[1] > 0.95


def test_what_is_slow_with_one_thread_is_no_reason_to_compare_at_once():
    machine = Machine(2, busy=1)
    machine.work(1.5)
    for _ in range(4):  # a slow turn among quick ones
        machine.fastest.took(1.0, 0.001)
        machine.now += 0.2
        assert machine.threads == 1


# The bits -------------------------------------------------------------------------------------------------------------


def laid_out(shape, dtype, order):
    return np.asarray(normal(shape), dtype, order=order)


CASES = [(17, 470, 444), (785, 5, 1265), (55, 61, 1490), (64, 4096, 1), (200, 100, 200)]


@needs_orders
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", CASES, ids=str)
def test_a_product_has_the_same_bits_on_any_number_of_threads(shape, dtype):
    n, k, m = shape
    for orders in ("CC", "FC"):
        a, b = laid_out((n, k), dtype, orders[0]), laid_out((k, m), dtype, orders[1])
        results = []
        for count in (1, 2, 0):
            threads.use(count)
            results += [product(a, b).tobytes() for _ in range(2)]
        assert len(set(results)) == 1


@pytest.fixture
def other_order(monkeypatch):
    """A BLAS that adds up in another order where more than one thread works on more than ten columns."""
    state, matmul = {"threads": 2, "seen": []}, np.matmul

    def blas(a, b, out=None):
        state["seen"].append(state["threads"])
        y = matmul(a, b, out=out)
        if state["threads"] > 1 and a.shape[-1] > 10:
            y *= y.dtype.type(1 + 1e-6)
        return y

    monkeypatch.setattr(threads.np, "matmul", blas)
    state["products"] = Products(lambda count: state.update(threads=count), [2])
    return state


def multiplied(state, a, b):
    """The product, and the numbers of threads it was computed on, once its kind is known."""
    state["products"].multiply(a, b, a.size * b.shape[-1], None)
    state["seen"].clear()
    return state["products"].multiply(a, b, a.size * b.shape[-1], None), state["seen"].copy()


def test_a_kind_of_product_whose_bits_differ_runs_on_one_thread(other_order):
    a, b = normal((64, 11)), normal((11, 64))
    y, seen = multiplied(other_order, a, b)
    assert seen == [1] and (y == a.dot(b)).all()
    assert other_order["threads"] == 2  # again


def test_a_kind_of_product_whose_bits_are_the_same_runs_on_all(other_order):
    assert multiplied(other_order, normal((64, 10)), normal((10, 64)))[1] == [2]


def test_kinds_differ_in_shape_layout_and_dtype(other_order):
    other_order["products"]._tried = lambda a, b: a.flags.c_contiguous and a.dtype == np.float32
    a, b = normal((64, 64)), normal((64, 60))
    for x in (a, a.T.astype(np.float32, order="F"), a.astype(np.float32)):
        alone = x.dtype != np.float32 or not x.flags.c_contiguous
        assert multiplied(other_order, x, b)[1] == [1 if alone else 2]


def test_a_matrix_times_its_transpose_runs_on_one_thread(other_order):
    a = normal((64, 8))  # NumPy has it computed by another function than a product of two
    assert multiplied(other_order, a, a.T)[1] == [1]


def test_rare_differences_are_found(monkeypatch):
    matmul, state = np.matmul, {"threads": 2}

    def blas(a, b, out=None):
        y = matmul(a, b, out=out)
        if state["threads"] > 1:
            y[0, :3] += np.where(y[0, :3] > 0.15, 1e-9, 0)  # only few numbers can change, and fewer do
        return y

    monkeypatch.setattr(threads.np, "matmul", blas)
    products = Products(lambda count: state.update(threads=count), [2])
    assert products._tried(normal((2, 16)), normal((16, 300))) is False


def test_where_trying_takes_too_long_the_product_runs_on_one_thread_and_is_tried_later(other_order, monkeypatch):
    """On a busy machine a product on two threads may take a thousand times as long."""
    now, blas = [0.0], threads.np.matmul

    def slow(a, b, out=None):
        now[0] += 0.001 if other_order["threads"] == 1 else 1
        return blas(a, b, out=out)

    monkeypatch.setattr(threads.np, "matmul", slow)
    products = Products(lambda count: other_order.update(threads=count), [2, 1], lambda: now[0])
    a, b = normal((64, 10)), normal((10, 64))
    products.multiply(a, b, a.size * 64, None)
    assert now[0] < 1.1 and other_order["seen"][-1] == 1
    monkeypatch.setattr(threads.np, "matmul", blas)
    products.fastest._use(2)
    products.multiply(a, b, a.size * 64, None)
    assert other_order["seen"][-1] == 2


def test_an_error_leaves_the_number_of_threads_as_it_was(other_order):
    with pytest.raises(ZeroDivisionError):
        other_order["products"]._on(1, lambda: 1 / 0)
    assert other_order["threads"] == 2


def test_products_are_counted_when_they_are_large_and_warm(other_order, monkeypatch):
    products, heard = other_order["products"], []
    products._tried = lambda a, b: True
    monkeypatch.setattr(products.fastest, "took", lambda *seconds: heard.append(seconds))
    for size in (16, 128):
        a, b = normal((size, 10)).astype(np.float32), normal((10, 4 * size)).astype(np.float32)
        for _ in range(Products.WARM + 2):
            products.multiply(a, b, a.size * b.shape[-1], None)
    assert len(heard) == 2
    assert all(0 < least <= seconds for seconds, least in heard)


# Sums of blocks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [(), (3,)])
def test_a_deep_product_is_the_sum_of_its_blocks(batch):
    a, b = normal((*batch, 20, 1001)), normal((*batch, 1001, 30))
    edges = 0, 333, 667, 1001
    right = sum(a[..., i:j] @ b[..., i:j, :] for i, j in zip(edges, edges[1:]))
    assert (product(a, b) == right).all()
    np.testing.assert_allclose(product(a, b), a @ b, rtol=1e-9, atol=1e-9)
    out = np.empty_like(right)
    assert product(a, b, out=out) is out and (out == right).all()


def test_a_product_is_numpys_for_all_dtypes_and_sizes():
    for dtype in (np.float16, np.float32, np.int64, np.complex64):
        for n, k, m in ((1, 1, 1), (0, 3, 2), (3, 0, 2), (40, 40, 40)):
            a, b = normal((n, k)).astype(dtype), normal((k, m)).astype(dtype)
            assert product(a, b).dtype == dtype and (product(a, b) == a @ b).all()


# Training -------------------------------------------------------------------------------------------------------------


def trained(counts):
    """Weights after a step on each of these numbers of threads."""
    draw = np.random.default_rng(0)
    layer = nn.Conv2d(155, 64, 3, padding=1, rng=draw)  # an inner size of 3·155, which OpenBLAS halves in two ways
    x = Tensor(draw.standard_normal((13, 155, 6, 6), np.float32))
    optimizer = optim.SGD(layer.parameters(), 1e-3)
    for count in counts:
        threads.use(count)
        y = layer(x)
        optimizer.step(grad((y * y).mean(), layer.parameters()))
    return b"".join(weight.data.tobytes() for weight in layer.parameters())


@needs_orders
def test_training_does_not_depend_on_the_number_of_threads_nor_on_its_changes():
    assert trained([1, 1]) == trained([2, 2]) == trained([2, 0]) == trained([0, 1])


# Functions that call a BLAS themselves --------------------------------------------------------------------------------


def far(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def labels_of(x):
    return (x[:, 0] > 0).astype(int)


def generator_norm():
    generator, critic = (nn.Linear(*size, rng=np.random.default_rng(0)) for size in ((128, 300), (300, 1)))
    latents = far(640, 128).astype("f").reshape(20, 32, 128)
    return tuple(probes.generator_gradient_norm(OBJECTIVES["wasserstein"], generator, critic, z) for z in latents)


def styles_fit():
    x = far(5000, 100)
    fit = styles.Fit.of(x, x[:, :3] ** 3, labels_of(x))
    return fit.coefficients, fit.covariance, fit.steps(1), fit.anyhow(2000, 1, np.random.default_rng(0))


WITH_A_BLAS = {
    "slope": generator_norm,
    "cone": lambda: probes.fit_cone(far(40000, 2), far(40000, 1)[:, 0]),
    "styles": styles_fit,
    "Fréchet": lambda: metrics.frechet_distance(far(3000, 200), far(3000, 200, 1)),
    "kernel": lambda: metrics.squared_mmd(far(700, 900), far(600, 900, 1)),
    "neighbours": lambda: neighbours.nearest(far(900, 800), far(700, 800, 1)),
    "components": lambda: metrics.pca_reconstruction(far(2000, 300), 20),
    "classes": lambda: metrics.linear_classes(far(2000, 300), labels_of(far(2000, 300)), far(2000, 300, 1)),
    "moments": lambda: priors.petals().gaps(far(60000, 2)),
}


def bits(found):
    return b"".join(map(bits, found)) if isinstance(found, tuple) else np.asarray(found).tobytes()


@needs_orders
@pytest.mark.parametrize("function", WITH_A_BLAS.values(), ids=WITH_A_BLAS)
def test_what_calls_a_blas_itself_does_not_depend_on_the_number_of_threads(function):
    found = set()
    for count in (1, 2):
        threads.use(count)
        found.add(bits(function()))
    assert len(found) == 1


@needs_orders
def test_what_calls_a_blas_itself_finds_one_thread():
    def seen(first=None, second=None):
        return first, second, {library.get_num_threads() for library in threads._libraries}

    alone = threads.on_one_thread(seen)
    for count in (2, 1):
        threads.use(count)
        assert alone(3, second=4) == (3, 4, {1})
        assert seen() == (None, None, {count})


# The number that is asked for -----------------------------------------------------------------------------------------


@needs_orders
def test_a_number_that_is_asked_for_is_taken():
    for count in (1, 3, 2):
        threads.use(count)
        assert {library.get_num_threads() for library in threads._libraries} == {count}
    a = normal((100, 100))
    for _ in range(100):
        product(a, a)
    assert {library.get_num_threads() for library in threads._libraries} == {2}


def test_a_number_that_cannot_be_is_refused():
    for number in (-1, 1025):
        with pytest.raises(ValueError, match=f"or up to 1,024, not {number}"):
            threads.use(number)


def test_where_the_number_cannot_be_set_products_are_numpys(monkeypatch):
    monkeypatch.setattr(threads, "_libraries", [])
    monkeypatch.setattr(threads, "_most", 1)
    threads.use()
    a = normal((200, 200))
    assert (product(a, a) == a @ a).all()
    with pytest.raises(RuntimeError, match="cannot be set here"):
        threads.use(2)


@needs_orders
@pytest.mark.parametrize("count", [1, 2])
def test_what_the_environment_allows_is_respected(count):
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
    code = "from scratchgan import threads as t; print(t._most, t._products and t._products.counts)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | dict.fromkeys(names, str(count)), capture_output=True, text=True
    )
    assert done.stdout.split(maxsplit=1) == [str(count), "None\n" if count == 1 else "[2, 1]\n"], done.stderr
