"""Training can be stopped and resumed at any step, bit for bit, and never overwrites a good checkpoint by a bad one."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from scratchgan import checkpoint, nn
from scratchgan.data import Batches
from scratchgan.models import wgan_gp
from scratchgan.training import CheckpointError, Run, TrainingError

SETTINGS = {"seed": 0, "rates_fall_over": 10}


def make_run(folder, width=8, **settings):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 1, 4, 4), dtype=np.uint8)
    generator = nn.Sequential(
        nn.Linear(3, width, rng=rng), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 16, rng=rng),
        nn.Unflatten(1, (1, 4, 4)), nn.Tanh(),
    )  # fmt: skip
    critic = nn.Sequential(nn.Flatten(), nn.Linear(16, 8, rng=rng), nn.LeakyReLU(0.2), nn.Linear(8, 1, rng=rng))
    options = {"latent_size": 3, "critic_steps": 2, "lr": 1e-2, "average_decay": 0.9}
    model = wgan_gp.build(rng, networks=lambda *_: (generator, critic), **options)
    return Run(model, Batches(images, 7, rng), rng, {**SETTINGS, **settings}, folder)


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("n", [1, 4, 7])
def test_n_plus_m_steps_are_n_steps_a_stop_and_m_steps(tmp_path, n):
    """All files are equal to the last bit: weights, averages, optimisers, data order, random numbers, log, pictures."""
    straight = make_run(tmp_path / "straight")
    assert straight.train(11, every=3)
    straight.finish(samples=5)

    make_run(tmp_path / "stopped").train(n, every=3)
    resumed = make_run(tmp_path / "stopped")
    resumed.load()
    assert resumed.step == n
    resumed.train(11, every=3)
    resumed.finish(samples=5)
    expected, found = files_of(tmp_path / "straight"), files_of(tmp_path / "stopped")
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []


def test_a_log_that_ran_ahead_of_the_checkpoint_is_cut_back(tmp_path):
    make_run(tmp_path).train(4, every=2)
    with open(tmp_path / "log.csv", "a") as log:
        log.write("5,0.1,0.2,0.3\n6,0.")  # what a kill -9 may leave
    run = make_run(tmp_path)
    run.load()
    run.train(6, every=2)
    steps = [line.split(",")[0] for line in (tmp_path / "log.csv").read_text().splitlines()]
    assert steps == ["step", "1", "2", "3", "4", "5", "6"]


def test_a_run_that_was_killed_at_once_can_be_resumed(tmp_path):
    make_run(tmp_path / "straight").train(2, every=9)

    def die():
        raise InterruptedError

    killed = make_run(tmp_path / "killed")
    killed._advance = die
    with pytest.raises(InterruptedError):
        killed.train(2, every=9)
    resumed = make_run(tmp_path / "killed")
    resumed.load()
    resumed.train(2, every=9)
    assert files_of(tmp_path / "straight") == files_of(tmp_path / "killed")


@pytest.mark.parametrize("forgotten", ["rng", "average", "batches", "generator_optimizer"])
def test_every_part_of_the_state_matters(tmp_path, forgotten):
    """Leave one part out of the resume, and the run is another one: the test above would notice."""
    straight = make_run(tmp_path / "straight")
    straight.train(9, every=100)
    make_run(tmp_path / "stopped").train(4, every=100)
    resumed = make_run(tmp_path / "stopped")
    fresh_rng = resumed.rng.bit_generator.state
    if forgotten != "rng":
        resumed.parts[forgotten].load_state_dict = lambda state: None
    resumed.load()
    if forgotten == "rng":
        resumed.rng.bit_generator.state = fresh_rng
    resumed.train(9, every=100)
    assert straight.checkpoint.read_bytes() != resumed.checkpoint.read_bytes()


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    make_run(tmp_path).train(1, every=1)
    with pytest.raises(CheckpointError, match="seed was 0 and is now 1"):
        make_run(tmp_path, seed=1).load()
    with pytest.raises(CheckpointError, match="does not fit this run: generator/0.weight is float32 of shape"):
        make_run(tmp_path, width=9).load()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_stops_training_and_keeps_the_last_good_checkpoint(tmp_path, bad):
    run = make_run(tmp_path)
    run.train(3, every=1)
    good = run.checkpoint.read_bytes()
    weight = run.model.generator.parameters()[0]
    weight.data = weight.data * np.float32(bad)
    with pytest.raises(TrainingError, match=r"step 4: \w+ is (nan|-?inf).*checkpoint.npz"):
        run.train(9, every=1)
    assert run.checkpoint.read_bytes() == good


def test_samples_are_float32_in_the_range_of_images_and_repeatable(tmp_path):
    run = make_run(tmp_path)
    run.train(2, every=1)
    samples = run.samples(501)["samples"]
    assert samples.shape == (501, 1, 4, 4) and samples.dtype == np.float32
    assert -1 <= samples.min() < samples.max() <= 1
    np.testing.assert_array_equal(samples, run.samples(501)["samples"])


def test_the_picture_that_is_saved_is_the_whole_sheet(tmp_path):
    run = make_run(tmp_path)
    run.finish()
    with Image.open(tmp_path / "samples.png") as image:
        sheet = np.asarray(image)[::2, ::2].astype(float)
    shown = ((run.picture() + 1) * 127.5).round()
    assert shown.shape == (8, 8, 1, 4, 4) and sheet.shape == (8 * 6 + 2, 8 * 6 + 2)
    for row, column in ((0, 0), (7, 0), (3, 5)):
        found = sheet[2 + 6 * row : 6 + 6 * row, 2 + 6 * column : 6 + 6 * column]
        np.testing.assert_array_equal(found, shown[row, column, 0])


def test_each_optimiser_has_a_falling_rate_of_its_own(tmp_path):
    run = make_run(tmp_path, rates_fall_over=4)
    run.model.critic_optimizer.lr = 0.5
    run = Run(run.model, run.batches, run.rng, run.settings, run.folder)
    for step in range(6):
        run._advance()
        share = max(0.05, 1 - step / 4)
        assert [optimizer.lr for optimizer in run.model.optimizers()] == pytest.approx([1e-2 * share, 0.5 * share])


def test_without_a_fall_the_rates_stay(tmp_path):
    run = make_run(tmp_path, rates_fall_over=None)
    run.train(12, every=100)
    assert {optimizer.lr for optimizer in run.model.optimizers()} == {1e-2}


def test_the_learning_rate_falls_linearly_to_a_twentieth(tmp_path):
    run = make_run(tmp_path)
    run.train(12, every=100)
    rates = [float(line.split(",")[-1]) for line in (tmp_path / "log.csv").read_text().splitlines()[1:]]
    np.testing.assert_allclose(rates, 1e-2 * np.maximum(0.05, 1 - np.arange(12) / 10))


def change(folder, name, array):
    """Put another array into a checkpoint; None: leave it out."""
    arrays, facts = checkpoint.load(folder / "checkpoint.npz")
    arrays = {k: v for k, v in {**arrays, name: array}.items() if v is not None}
    checkpoint.save(folder / "checkpoint.npz", arrays, **{k: v for k, v in facts.items() if k != "format"})


@pytest.mark.parametrize("name, array, message", [
    ("generator/0.bias", None, "missing generator/0.bias"),
    ("generator/9.bias", np.zeros(8, np.float32), "unexpected generator/9.bias"),
    ("generator/0.bias", np.zeros(9, np.float32), r"is float32 of shape \(9,\) instead of float32 \(8,\)"),
    ("generator/0.bias", np.zeros(8), "generator/0.bias is float64 of shape"),
    ("generator_optimizer/steps", np.array(1.0), "generator_optimizer/steps is float64"),
    ("generator_optimizer/steps", np.array(-1), "generator_optimizer/steps counts below 0"),
    ("batches/order", np.arange(40)[::-1] + 1, "batches: the saved order does not name each of the 40 images once"),
    ("batches/position", np.array(41), "batches: the saved position must be a whole number from 0 to 40, not 41"),
])  # fmt: skip
def test_arrays_that_this_run_would_not_save_are_refused(name, array, message, tmp_path):
    make_run(tmp_path).train(1, every=1)
    change(tmp_path, name, array)
    with pytest.raises(CheckpointError, match=message):
        make_run(tmp_path).load()


def test_settings_that_only_the_other_run_had_are_refused(tmp_path):
    make_run(tmp_path, extra=1).train(1, every=1)
    with pytest.raises(CheckpointError, match="extra was 1 and is now None"):
        make_run(tmp_path).load()


def test_settings_may_be_tuples(tmp_path):
    make_run(tmp_path, betas=(0.5, 0.9)).train(1, every=1)
    run = make_run(tmp_path, betas=(0.5, 0.9))
    run.load()
    assert run.step == 1


PCG = np.random.default_rng(0).bit_generator.state


@pytest.mark.parametrize("state", [
    {},
    np.random.Philox(0).state | {"state": {}, "buffer": []},
    PCG | {"state": {"state": -1, "inc": 1}},
    PCG | {"state": {"state": 1.5, "inc": 1}},
    PCG | {"state": {"state": 2**200, "inc": 1}},
    PCG | {"state": {}},
    PCG | {"has_uint32": "no"},
    PCG | {"extra": 1},
])  # fmt: skip
def test_a_state_of_another_generator_is_refused(state, tmp_path):
    make_run(tmp_path).train(1, every=1)
    arrays, facts = checkpoint.load(tmp_path / "checkpoint.npz")
    checkpoint.save(
        tmp_path / "checkpoint.npz", arrays, **{k: v for k, v in facts.items() if k != "format"} | {"rng": state}
    )
    run = make_run(tmp_path)
    before = run.rng.bit_generator.state
    with pytest.raises(CheckpointError, match="state of PCG64"):
        run.load()
    assert run.rng.bit_generator.state == before


def test_a_damaged_byte_never_goes_on_as_another_run(tmp_path):
    """In the headers, wherever one is: the archive's, and those of the arrays inside."""
    make_run(tmp_path).train(1, every=9)
    expected = files_of(tmp_path)
    good, path = expected["checkpoint.npz"], tmp_path / "checkpoint.npz"
    starts = [i for i in range(len(good)) if good.startswith((b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"), i)]
    order = good.index(b"<i8", good.index(b"batches/order")) + 2
    for i in [order, *np.random.default_rng(0).choice([s + k for s in starts for k in range(200)], 200)]:
        if i >= len(good):
            continue
        path.write_bytes(good[:i] + bytes([good[i] ^ 0x0C]) + good[i + 1 :])  # "<i8" becomes "<i4"
        run = make_run(tmp_path)
        try:
            run.load()
        except CheckpointError:
            continue
        assert i != order
        run.save(1)
        assert path.read_bytes() == good, i


def test_steps_that_were_made_are_not_made_again(tmp_path):
    run = make_run(tmp_path)
    run.train(2, every=1)
    assert run.train(1, every=1) and run.step == 2
    assert checkpoint.load(run.checkpoint)[1]["steps"] == 2


def test_a_program_without_a_screen_trains_in_silence(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    assert make_run(tmp_path).train(1, every=1)


def test_a_thread_trains_too(tmp_path):
    """Only the main one is told of signals."""
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(make_run(tmp_path).train, 1, every=1).result(60)


# What a model must say -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("numbers, message", [
    (None, r"WGANGP.train_step must return numbers by name, such as {'loss': 0.5}, not NoneType"),
    ({}, "must return numbers by name"),
    ({"wasserstein": np.float32(1)}, r"reports wasserstein as float32, not as a float: loss.item\(\)"),
    ({"lr": 1.0}, "reports lr, which the log has columns for"),
    ({"wasserstein": 1.0}, "watch or panels name .*gradient_norm.*a step reports wasserstein"),
])  # fmt: skip
def test_what_a_first_step_does_not_report_is_said_at_once(numbers, message, tmp_path):
    run = make_run(tmp_path)
    run.model.train_step = lambda batches, rng: numbers
    with pytest.raises(TrainingError, match=message):
        run.train(9, every=9)
    assert run.step == 0


@pytest.mark.parametrize("shape", [(8, 1, 4, 4), (2, 2, 4, 4, 1)])
def test_a_picture_of_another_shape_is_refused_before_the_first_step(shape, tmp_path):
    run = make_run(tmp_path)
    run.model.show = lambda examples, rng: np.zeros(shape, np.float32)
    with pytest.raises(TrainingError, match=r"WGANGP.show must return \(rows, columns, 1 or 3, H, W\), not \("):
        run.train(9, every=9)
    assert run.step == 0


def test_without_panels_every_number_has_a_curve(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("scratchgan.training.run.pictures.save_curves", lambda path, log, panels: drawn.append(panels))
    run = make_run(tmp_path)
    run.model.panels, run.model.watch = {}, {}
    run.train(1, every=9)
    run.finish()
    assert drawn == [{name: [name] for name in run.log.columns if name not in ("step", "lr")}] and len(drawn[0]) == 7


@pytest.mark.parametrize("made, found", [
    (lambda n: np.zeros((n, 1, 4, 4)), "ndarray"),
    (lambda n: {"images": np.zeros((n, 1, 4, 4))}, "dict"),
    (lambda n: {"samples": np.zeros((n, 4, 4))}, r"\(1, 4, 4\)"),
    (lambda n: {"samples": np.zeros((n + 1, 1, 4, 4))}, r"\(2, 1, 4, 4\)"),
    (lambda n: {"samples": np.zeros((n, 4, 4, 3))}, r"\(1, 4, 4, 3\)"),
])  # fmt: skip
def test_samples_of_another_shape_are_refused_before_the_first_step(made, found, tmp_path):
    run = make_run(tmp_path)
    run.model.samples = lambda count, rng: made(count)
    with pytest.raises(TrainingError, match=rf"WGANGP.samples must return .*\(1, 1 or 3, H, W\), not {found}"):
        run.demand_room(5)


def test_a_model_without_optimisers_trains_without_a_rate(tmp_path):
    run = make_run(tmp_path)
    run.model.optimizers = lambda: []
    run.rates = []
    run.train(2, every=2)
    assert run.step == 2 and "lr" not in run.log.columns
