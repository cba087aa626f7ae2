"""Several processes train as one does: threads play them, so nothing here needs MPI; test_mpirun has the rest."""

import re
import sys
import threading
import time
import types
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import ranked
import tiny
from together import together

import scratchgan.functional as F
from scratchgan import Parameter, Tensor, checkpoint, nn, ranks, threads
from scratchgan.__main__ import main
from scratchgan.data import Batches, DataError
from scratchgan.models import Model
from scratchgan.models.game import Game
from scratchgan.optim import SGD
from scratchgan.ranks import ALONE, Ranks, RanksError, Rows
from scratchgan.training import CheckpointError, TrainingError, pictures, start, train
from scratchgan.training.command import to_go_on
from scratchgan.training.stop import ended
from scratchgan.training.together import step_of_all

# Every system ---------------------------------------------------------------------------------------------------------

LOOKS_AT_ALL = "DCGAN, discrimination"  # by its nature


@pytest.fixture
def no_looks_at_a_batch(monkeypatch):
    """But those of batch norm."""
    monkeypatch.setattr(nn.MinibatchStdDev, "forward", lambda layer, input: F.cat([input, 0 * input[:, :1]], 1))


def in_double_precision(run):
    for part in run.model.parts().values():
        network = part.module if isinstance(part, nn.AveragedWeights) else part
        if isinstance(network, nn.Module):
            network.to(np.float64)
        if hasattr(part, "params"):
            part.state = [{name: array.astype(float) for name, array in state.items()} for state in part.state]
    run.examples = run.model.draw(iter([run.batches.examples(64)]))
    return run


@pytest.mark.parametrize("name", [name for name in ranked.MODELS if name != LOOKS_AT_ALL])
def test_three_processes_do_to_a_batch_what_one_does(name, no_looks_at_a_batch, monkeypatch, tmp_path):
    """With batch norm over the whole batch."""
    make = partial(ranked.make_run, batch_norm="whole")
    monkeypatch.setattr(ranked, "make_run", lambda *arguments: in_double_precision(make(*arguments)))
    one = ranked.trained(name, tmp_path, ALONE, 5)
    many = together(3, lambda own: ranked.trained(name, tmp_path, own, 5))
    wanted = ranked.state_of(one)
    for run in many:
        if run.ranks.first:
            run.ranks.comm = None
            run.picture()  # for this it asks nobody, and leaves all as it is
        shown = {**run.numbers, "reconstruction": one.numbers["reconstruction"]} if name == "AdaIN" else run.numbers
        assert shown == pytest.approx(one.numbers)  # AdaIN shows one image of each part when it does not learn from it
        state = ranked.state_of(run)
        assert state.keys() == wanted.keys()
        for key, array in wanted.items():
            if array.dtype.kind == "f":
                np.testing.assert_allclose(state[key], array, rtol=1e-7, atol=1e-7, err_msg=key)
            else:
                np.testing.assert_array_equal(state[key], array, err_msg=key)


@pytest.mark.parametrize("name", [LOOKS_AT_ALL, "ProGAN", "SRGAN"])
def test_processes_stay_equal_to_the_last_bit_and_the_same_seed_is_the_same_run(name, tmp_path):
    """Where a network looks at a whole batch, which is then a part of it; test_mpirun asks all."""
    digests = [ranked.digest(run) for _ in "ab" for run in together(2, lambda own: ranked.trained(name, tmp_path, own))]
    assert len(set(digests)) == 1


# Gradients, statistics and numbers ------------------------------------------------------------------------------------


def test_an_optimiser_takes_the_mean_of_all_gradients():
    def work(own):
        w, v = Parameter(np.zeros((2, 1), np.float32)), Parameter(np.zeros(3))
        optimizer = SGD([w, v], lr=1.0)
        optimizer.common = own.mean
        gradients = np.full((2, 1), own.rank, np.float32), np.arange(3.0) + own.rank
        assert [mean.dtype for mean in own.mean(gradients)] == [np.float32, np.float64]
        optimizer.step(map(Tensor, gradients))
        return w.numpy(), v.numpy()

    for w, v in together(3, work):
        np.testing.assert_array_equal(w, [[-1], [-1]])
        np.testing.assert_array_equal(v, [-1, -2, -3])


def test_numbers_are_means_and_counts_stay():
    numbers = together(2, lambda own: own.means({"loss": 1.0 + own.rank, "level": 3, "seen": own.rank, "tiny": 1e-9}))
    assert numbers == [{"loss": 1.5, "level": 3, "seen": 0.5, "tiny": 1e-9}] * 2 and type(numbers[0]["level"]) is int
    assert ALONE.means({"loss": 1.0}) == {"loss": 1.0}


def test_running_statistics_are_the_mean_of_all_parts(tmp_path):
    """The first mean that a critic's batch norm sees is then that of the whole batch; and an average follows."""
    name = "DCGAN"
    (one,), (first, second) = (
        [ranked.trained(name, tmp_path, own, 1) for own in [ALONE]],
        together(2, lambda own: ranked.trained(name, tmp_path, own, 1)),
    )
    found = [run.model.generator.arrays()["2.running_mean"] for run in (one, first, second)]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found[1], found[2])


def test_what_differs_between_processes_is_named():
    def work(own):
        own.demand_alike({"same": np.ones(3), "text": "a"})
        with pytest.raises(RanksError, match="do not agree on critic/weight, place$"):
            own.demand_alike({"same": np.ones(3), "critic/weight": np.array(own.rank), "place": str(own.rank)})
        with pytest.raises(RanksError, match="0, 1, 2, 3, 4 and 3 more$"):
            own.demand_alike({str(i): str(own.rank) for i in range(8)})
        with pytest.raises(RanksError, match="do not agree on more$"):  # of which the first has never heard
            own.demand_alike({"same": "a"} | ({"more": "b"} if own.rank else {}))
        return True

    assert together(2, work) == [True, True]


@pytest.mark.parametrize("checked", [False, True])
def test_a_process_that_strays_is_found_at_a_checkpoint_or_at_once(checked, monkeypatch, tmp_path):
    """At once in the debug mode, SCRATCHGAN_CHECK_RANKS=1."""
    monkeypatch.setattr("scratchgan.training.run.CHECKED", checked)
    seen = []

    def work(own):
        run = ranked.make_run("autoencoder", tmp_path / "run", own)
        run.model.encoder.parameters()[0].data += own.rank
        try:
            run.train(5, every=2)
        finally:
            seen.append(run.step)

    with pytest.raises(RanksError, match="do not agree on encoder/1.weight"):
        together(2, work)
    assert set(seen) == {0 if checked else 2}


def test_random_numbers_are_compared_too(tmp_path):
    def work(own):
        run = ranked.make_run("autoencoder", tmp_path, own)
        run.rng.bit_generator.advance(own.rank)
        run.demand_alike()

    with pytest.raises(RanksError, match="do not agree on rng$"):
        together(2, work)


def test_all_processes_hear_how_sure_the_critic_is_of_the_whole_batch(monkeypatch, tmp_path):
    def work(own):
        model = ranked.make_run("Diffusion-GAN", tmp_path, own).model
        model.ranks = own
        monkeypatch.setattr(Game, "critic_step", lambda game, real, rng: {"real_sign": Tensor(float(game.ranks.rank))})
        model.critic_step(np.zeros(2), None)
        return model.diffusion.signs, model.diffusion.images

    assert together(3, work) == [(6.0, 6)] * 3


# Random numbers -------------------------------------------------------------------------------------------------------


def rows(rank, size=3, count=2, seed=0):
    return Rows(np.random.default_rng(seed).bit_generator, rank, size, count)


DRAWS = {
    "random": lambda rng, n: rng.random((n, 5), dtype=np.float32),
    "standard_normal": lambda rng, n: rng.standard_normal((n, 2, 2)),
    "normal": lambda rng, n: rng.normal(1.0, 2.0, (n, 3)),
    "uniform": lambda rng, n: rng.uniform(-1, 1, size=n),
    "integers": lambda rng, n: rng.integers(7, size=(n, 2)),
    "integers from": lambda rng, n: rng.integers(2, 7, n),
}


@pytest.mark.parametrize("draw", DRAWS)
def test_what_is_drawn_in_a_step_is_a_part_of_what_one_process_draws(draw):
    one, parts = np.random.default_rng(0), [rows(rank) for rank in range(3)]
    for part in parts:
        part.cutting = True
    for _ in range(2):  # all stay at the same place of the stream
        np.testing.assert_array_equal(np.concatenate([DRAWS[draw](part, 2) for part in parts]), DRAWS[draw](one, 6))


def test_single_numbers_are_the_same_for_all_and_so_is_what_is_drawn_outside_a_step():
    one, two = np.random.default_rng(0), rows(1)
    np.testing.assert_array_equal(two.standard_normal((4, 3)), one.standard_normal((4, 3)))
    np.testing.assert_array_equal(two.choice(9, 3), one.choice(9, 3))
    two.cutting = True
    assert [two.random(), two.integers(9), two.uniform(1, 2, ())] == [one.random(), one.integers(9), one.uniform(1, 2)]


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.random(3),
        lambda rng: rng.standard_normal((1, 2)),
        lambda rng: rng.integers([4, 5]),
        lambda rng: rng.permutation(2),
        lambda rng: rng.choice(9, 2),
        lambda rng: rng.binomial(1, np.ones(2)),
    ],
)
def test_what_has_no_row_for_each_image_is_refused_in_a_step(draw):
    rng = rows(0)
    rng.cutting = True
    with pytest.raises(RanksError, match="with 3 processes .* each of the 2 images"):
        draw(rng)


def test_alike_is_the_same_stream_uncut():
    rng, one = rows(2), np.random.default_rng(0)
    own = Ranks(types.SimpleNamespace(rank=2, size=3))
    with own.in_a_step(rng):
        np.testing.assert_array_equal(own.alike(rng).random(5), one.random(5))
        assert rng.cutting
        np.testing.assert_array_equal(rng.random(2), one.random(6)[4:])
    assert not rng.cutting and ALONE.alike(one) is one and ALONE.generator(0, 6).random() == rows(0).random()
    assert own.generator(0, 6).rows == 2
    assert type(ALONE.generator(0, 6)) is np.random.Generator  # which draws anything in a step


class Normalised(Model):
    def __init__(self):
        self.network = nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm2d(3))
        self.optimizer = SGD(self.network.parameters())


@pytest.mark.parametrize("whole", [False, True])
def test_in_a_step_and_only_there_a_model_works_with_the_others(whole):
    own, model, rng = Ranks(types.SimpleNamespace(rank=0, size=2)), Normalised(), rows(0)

    def bound():
        return [model.ranks, model.optimizer.common, *(layer.together for layer in model.network), rng.cutting]

    before = bound()
    with pytest.raises(RuntimeError), step_of_all(model, rng, own, whole):
        assert bound() == [own, own.mean, *[own if whole else None] * 2, True]
        raise RuntimeError
    assert bound() == before == [ALONE, None, None, None, False]


def test_each_process_gets_its_rows_of_a_batch_and_all_shuffle_alike():
    images = np.arange(20, dtype=np.uint8).reshape(20, 1)
    whole, *parts = (Batches(images, 6, np.random.default_rng(0), part=part) for part in [(0, 1), (0, 2), (1, 2)])
    for _ in range(7):
        np.testing.assert_array_equal(np.concatenate([next(part)[0] for part in parts]), next(whole)[0])
    assert all(np.array_equal(part.order, whole.order) and part.position == whole.position for part in parts)
    with pytest.raises(DataError, match="a batch of 6 does not fall into 4 equal parts"):
        Batches(images, 6, np.random.default_rng(0), part=(0, 4))


def test_whole_and_part_are_each_others_inverse():
    array = np.asfortranarray(np.arange(12, dtype=np.float32).reshape(6, 2))
    for parts in together(3, lambda own: (own.part(array), own.whole(own.part(array)))):
        np.testing.assert_array_equal(parts[1], array, strict=True)
    with pytest.raises(RanksError, match="6 rows do not fall into 4"):
        together(4, lambda own: own.part(array))
    assert ALONE.whole(array) is array and len(ALONE.part(array)) == 6


# Runs -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch, tmp_path):
    """`train` by several processes, each a thread."""
    monkeypatch.setattr(pictures, "save_curves", lambda path, log, panels: path.write_bytes(log.read_bytes()))
    data = tiny.save_digits(tmp_path / "digits")
    own = threading.local()
    monkeypatch.setattr(start, "join", lambda: getattr(own, "ranks", ALONE))

    def go(size, **options):
        def work(ranks):
            own.ranks = ranks
            return train(tiny.command.args[1], data=data, **options)

        return together(size, work) if size > 1 else [work(ALONE)]

    return go


def test_the_first_process_alone_writes_and_the_run_goes_on_exactly(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command(2, out="straight", samples=3)
    command(2, out="stopped", steps=2)
    first, second = command(2, out="stopped", steps=4, samples=3, resume=True)
    assert (first.saved, second.saved) == (4, 4) and second.ranks.rank == 1
    straight, stopped = (tiny.files_of(tmp_path / name) for name in ("straight", "stopped"))
    assert straight.keys() == stopped.keys() and {"checkpoint.npz", "log.csv", "samples.npy"} <= straight.keys()
    assert [name for name in straight if straight[name] != stopped[name] and name != "config.json"] == []


def test_another_number_of_processes_is_refused_with_the_reason(command, tmp_path):
    command(2, out=tmp_path / "two", steps=1)
    command(1, out=tmp_path / "one", steps=1)
    with pytest.raises(CheckpointError, match="processes=2, and now processes=1: sums .* Go on with mpirun -n 2"):
        command(1, out=tmp_path / "two", resume=True)
    with pytest.raises(CheckpointError, match="processes=1, and now processes=2: sums .* Go on without mpirun"):
        command(2, out=tmp_path / "one", resume=True)
    assert "processes" not in (tmp_path / "one" / "config.json").read_text()


def test_batch_norm_is_over_a_part_or_the_whole_and_a_run_keeps_it(command, tmp_path):
    command(2, out=tmp_path / "run", steps=1, batch_norm="whole")
    run, _ = command(2, out=tmp_path / "run", steps=2, resume=True)
    assert run.settings["batch_norm"] == "whole"
    with pytest.raises(CheckpointError, match="began with batch_norm 'whole', so it cannot go on with 'part'"):
        command(2, out=tmp_path / "run", steps=3, resume=True, batch_norm="part")
    with pytest.raises(TrainingError, match="batch_norm='all' must be 'part' or 'whole'"):
        command(1, out=tmp_path / "other", batch_norm="all")


def test_processes_with_other_data_are_refused_before_the_first_step(command, tmp_path, monkeypatch):
    sha, calls = start._sha256, iter("ab")
    monkeypatch.setattr(start, "_sha256", lambda arrays: sha(arrays) + next(calls))
    with pytest.raises(RanksError, match="do not agree on data_sha256"):
        command(2, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_processes_that_would_take_other_steps_are_refused(tmp_path):
    """They would wait for each other after the last."""
    with pytest.raises(RanksError, match="do not agree on steps$"):
        together(2, lambda own: ranked.make_run("autoencoder", tmp_path, own).train(3 + own.rank, every=2))


def test_what_is_said_to_be_kept_has_been_saved(tmp_path, monkeypatch):
    save = checkpoint.save
    monkeypatch.setattr(checkpoint, "save", lambda *what, **more: (time.sleep(0.1), save(*what, **more)))

    def work(own):
        run = ranked.make_run("autoencoder", tmp_path, own)
        run.save(1)
        return run.saved, run.checkpoint.exists()

    assert together(2, work) == [(0, True)] * 2


def test_those_beside_the_first_write_nothing(tmp_path):
    def work(own):
        run = ranked.make_run("autoencoder", tmp_path / "run", own)
        if not own.first:
            run.describe(seed=0)
            run.demand_room(10**12)  # on which disk?
            run.finish(3)
            run._save_picture()

    together(2, work)
    assert not (tmp_path / "run").exists()


def test_a_signal_to_one_process_stops_all_after_the_same_step(tmp_path):
    def work(own):
        run = ranked.make_run("autoencoder", tmp_path / "run", own)
        asked = lambda: [15] if own.rank and run.step == 3 else []  # noqa: E731
        stopping, run._stopping = run._stopping, lambda stop: stopping(asked())
        run.train(9, every=9)
        return run.step, run.stopped_by

    assert together(2, work) == [(3, 15)] * 2


def test_the_line_to_go_on_with_begins_with_as_many_processes():
    run = types.SimpleNamespace(folder=Path("runs"), ranks=types.SimpleNamespace(size=3))
    assert to_go_on(["train"], run).startswith(f"mpirun -n 3 {sys.executable} train --resume --out ")


def test_a_user_who_draws_anything_else_is_told(tmp_path):
    def work(own):
        run = ranked.make_run("autoencoder", tmp_path / "run", own)
        run.model.train_step = lambda batches, rng: {"loss": float(rng.random(5).sum())}
        run.train(1, every=1)

    with pytest.raises(RanksError, match="drew an array of shape"):
        together(2, work)


# Who is there ---------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def unlaunched(monkeypatch):
    for size, rank in ranks.LAUNCHERS.items():
        monkeypatch.delenv(size, raising=False)
        monkeypatch.delenv(rank, raising=False)
    ranks.join.cache_clear()
    yield
    ranks.join.cache_clear()


def launched(monkeypatch, size, rank, names=("PMI_SIZE", "PMI_RANK")):
    for name, value in zip(names, (size, rank)):
        monkeypatch.setenv(name, str(value))


@pytest.mark.parametrize("names", ranks.LAUNCHERS.items())
def test_launchers_say_how_many_there_are(names, monkeypatch):
    assert ranks.started() == (1, 0) and ranks.join() is ALONE
    monkeypatch.setenv(names[0], "9")  # of who knows what
    assert ranks.started() == (1, 0)
    launched(monkeypatch, 4, 3, names)
    assert ranks.started() == (4, 3)


def test_mpirun_knows_better_than_slurm_which_starts_it_once_for_each_machine(monkeypatch):
    launched(monkeypatch, 2, 1, ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"))
    launched(monkeypatch, 16, 9)
    assert ranks.started() == (16, 9)


class Broken(types.ModuleType):
    def __getattr__(self, name):
        raise RuntimeError("cannot load MPI library")


@pytest.mark.parametrize("found", [None, Broken("mpi4py")])
def test_without_mpi4py_several_processes_are_told_how_to_install_it(found, monkeypatch, tmp_path, capsys):
    launched(monkeypatch, 2, 0)
    monkeypatch.setitem(sys.modules, "mpi4py", found)
    assert main(["train", "gan", "--out", str(tmp_path / "run")]) == 1
    said = capsys.readouterr().err
    assert re.match("error: 2 processes were started, and mpi4py, .* is missing", said)
    assert 'pip install -e ".[mpi]"' in said and not (tmp_path / "run").exists()


class World:
    """What mpi4py has of an MPI that this process finds itself alone, or with others, in."""

    COMM_TYPE_SHARED = 0

    def __init__(self, size, rank=0):
        self.size, self.rank, self.COMM_WORLD, self.MPI = size, rank, self, self

    def Split_type(self, kind):
        return types.SimpleNamespace(size=2)

    def Dup(self):
        """A barrier of the world itself would be taken for a part of its next message."""
        return types.SimpleNamespace(Ibarrier=lambda: types.SimpleNamespace(Test=lambda: True))


def test_processes_that_cannot_find_each_other_are_told(monkeypatch):
    launched(monkeypatch, 2, 0)
    monkeypatch.setitem(sys.modules, "mpi4py", World(1))
    with pytest.raises(RanksError, match="2 processes were started, and mpi4py finds 1: .* different MPIs"):
        ranks.join()


def test_who_joins_knows_its_neighbours_and_how_to_end(monkeypatch, capsys):
    launched(monkeypatch, 4, 3)
    monkeypatch.setitem(sys.modules, "mpi4py", World(4, 3))
    monkeypatch.setattr(sys, "excepthook", None)
    own = ranks.join()
    assert (own.rank, own.size, own.beside, own.first) == (3, 4, 2, False) and ranks.joined() is own
    sys.excepthook(ValueError, ValueError("as all"), None)
    assert capsys.readouterr().err == ""  # the first says it
    monkeypatch.setattr(ranks, "PATIENCE", 0.01)
    own.failed, own.comm.Abort = lambda: types.SimpleNamespace(Test=lambda: False), print
    sys.excepthook(ValueError, ValueError("alone"), None)
    assert capsys.readouterr().out == "1\n"  # the status of all


def test_only_the_first_process_speaks_and_only_training_needs_more(monkeypatch, capfd):
    launched(monkeypatch, 2, 1)
    with ranks.one_voice():
        print("out")
        print("err", file=sys.stderr)
    with pytest.raises(SystemExit):
        main(["train", "--nothing"])
    assert main(["sample", "gan", "--nothing"]) == 0
    assert capfd.readouterr() == ("", "")


def failing(rank, alike):
    """A process of two that fails, alone or as the other does."""
    comm = types.SimpleNamespace(rank=rank, size=2, Abort=lambda status: f"all ended with {status}")
    return Ranks(comm, failed=lambda: types.SimpleNamespace(Test=lambda: alike))


@pytest.mark.parametrize("rank, alike, said", [(0, True, "why"), (1, True, ""), (0, False, "why"), (1, False, "why")])
def test_an_error_is_said_once_and_ends_all(rank, alike, said, monkeypatch, capsys):
    monkeypatch.setattr(ranks, "PATIENCE", 0.01)
    monkeypatch.setattr(sys, "__stderr__", sys.stderr)
    launched(monkeypatch, 2, rank)
    with ranks.one_voice():
        assert failing(rank, alike).end("why", 3) == (3 if alike else "all ended with 3")
    assert capsys.readouterr().err == said


def test_who_fails_first_waits_for_the_others_before_it_ends_them():
    tests = iter([False, False, True])
    own = Ranks(types.SimpleNamespace(rank=1, size=2), failed=lambda: types.SimpleNamespace(Test=lambda: next(tests)))
    assert own.end("why", 3) == 3


def test_a_program_ends_as_the_others_do(monkeypatch, capsys):
    monkeypatch.setattr("scratchgan.training.stop.joined", lambda: failing(1, True))

    def work():
        raise RuntimeError("no")

    assert ended(work, lambda: "kept\n") == 1
    assert capsys.readouterr().err == ""


def test_who_leaves_by_sys_exit_does_not_leave_the_others_waiting(monkeypatch, capsys):
    monkeypatch.setattr(ranks, "PATIENCE", 0.01)
    for own, status in [(failing(0, False), "all ended with 1"), (failing(0, True), 1)]:
        monkeypatch.setattr("scratchgan.training.stop.joined", lambda own=own: own)
        assert ended(lambda: sys.exit("enough"), lambda: "kept\n") == status
        assert capsys.readouterr().err == "error: one of the processes left by sys.exit('enough')\nkept\n"
    monkeypatch.undo()
    with pytest.raises(SystemExit, match="enough"):
        ended(lambda: sys.exit("enough"), str)


def test_processes_share_the_cores(monkeypatch):
    monkeypatch.setattr(threads, "_most", 8)
    monkeypatch.setattr(threads, "_set_threads", lambda count: None)
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 16)
    most = []
    for beside in (1, 2, 4, 40):
        threads.use(0, beside)
        most.append(threads._products.counts[0] if threads._products else 1)
    monkeypatch.undo()
    threads.use()
    assert most == [8, 8, 4, 1]
