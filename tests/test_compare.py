"""The demos of several systems, run as a user runs them, for a step or two on a few hundred digits."""

import inspect
import json
import re
import runpy
import sys
from functools import partial
from types import SimpleNamespace

import numpy as np
import pooch
import pytest
from matplotlib.figure import Figure
from PIL import Image
from places import DEMOS, TESTS

from scratchgan import nn
from scratchgan.checkpoint import CheckpointError
from scratchgan.data.mnist import embedded_digits
from scratchgan.lab import seen, style
from scratchgan.metrics import classifier, fidelity
from scratchgan.models import SYSTEMS, stylegan
from scratchgan.training import train


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder with a small data set and its test set, and a judge whose classifier learns for a second."""
    folder, digits = tmp_path_factory.mktemp("digits"), embedded_digits()
    mixed = np.random.default_rng(0).permutation(len(digits.images))
    for prefix, chosen in (("train", mixed[:600]), ("t10k", mixed[600:900])):
        for name, array in (("images-idx3", digits.images[chosen, 0]), ("labels-idx1", digits.labels[chosen])):
            header = np.array([0x0800 + array.ndim, *array.shape], ">u4").tobytes()
            (folder / f"{prefix}-{name}-ubyte").write_bytes(header + array.astype(np.uint8).tobytes())
    quickly = classifier.train
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooch, "os_cache", lambda project: folder / "cache")
        patch.setattr(classifier, "train", lambda images, labels, seed: quickly(images, labels, seed, 1, 40))
        yield folder


def run_demo(digits, folder, name, *flags):
    """Run a demo in this process, which has everything imported; its status."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as done:
        patch.chdir(folder)
        patch.setattr(sys, "argv", [name, "--data", str(digits), *map(str, flags)])
        runpy.run_path(str(DEMOS / name), run_name="__main__")
    return done.value.code


@pytest.fixture
def demo(digits, tmp_path):
    """`run_demo` in a folder of its own."""
    return partial(run_demo, digits, tmp_path)


@pytest.fixture(scope="module")
def walk(digits, tmp_path_factory):
    """A walk whose two systems were trained for a step: its folder."""
    folder = tmp_path_factory.mktemp("walk")
    assert run_demo(digits, folder, "latent.py", "--steps", 1, "--out", folder / "first") == 0
    return folder / "first"


def numbers_in(folder):
    return json.loads((folder / "numbers.json").read_text())


@pytest.mark.slow
def test_the_comparison_trains_and_judges_each_system_once(demo, tmp_path, capsys):
    flags = ("--minutes", 1e-3, "--samples", 300, "--only", "gan", "cgan", "--out", tmp_path / "out")
    assert demo("compare.py", *flags) == 0
    table = capsys.readouterr().out
    rows = numbers_in(tmp_path / "out")["numbers"]["systems"]
    assert set(rows) == {"gan", "cgan"} and "accuracy" in rows["cgan"] and "accuracy" not in rows["gan"]
    assert rows["gan"]["weights"] == [550_416, 338_785]
    assert all(row["S"] > 0.1 and 0 <= row["recall"] <= 1 for row in rows.values())  # after a step: noise
    assert f"| GAN | {rows['gan']['S']:.3f} | " in table and "shortened" in table
    anchors = numbers_in(tmp_path / "out")["numbers"]["anchors"]
    assert anchors["real"]["S"] == pytest.approx(0, abs=1e-9) and anchors["Gaussian"]["S"] == 1
    assert 0.5 < anchors["real"]["accuracy"] < 1  # of a classifier that has learnt for a second
    assert anchors["Gaussian"]["sure"] < anchors["real"]["sure"] <= 1
    assert anchors["untrained"]["S"] > 0.5 and anchors["untrained"]["recall"] < 0.1 < anchors["real"]["recall"]
    assert f"| untrained | {anchors['untrained']['S']:.3f} | " in table
    assert Image.open(tmp_path / "out" / "compare.png").width > 600

    weights = tmp_path / "out" / "gan" / "checkpoint.npz"
    before = weights.stat().st_mtime_ns
    assert demo("compare.py", *flags) == 0  # what is there is not trained again
    again = numbers_in(tmp_path / "out")["numbers"]["systems"]
    assert again == rows and weights.stat().st_mtime_ns == before

    assert demo("compare.py", *flags, "--seed", 1) == 1  # nor taken for another
    assert "has seed 0 and not 1: choose another --out" in capsys.readouterr().err
    assert demo("compare.py", *flags, "--samples", 200) == 1
    assert "has samples 300 and not 200: choose another --out" in capsys.readouterr().err


def test_each_system_has_as_many_steps_as_fit_into_the_minutes(demo, tmp_path):
    assert demo("compare.py", "--minutes", 2 / 5400, "--samples", 300, "--only", "gan", "--out", tmp_path / "out") == 0
    config = json.loads((tmp_path / "out" / "gan" / "config.json").read_text())
    assert (config["steps"], config["rates_fall_over"]) == (2, 2)


@pytest.mark.slow
def test_the_walk_takes_finished_runs_or_trains_its_own(walk, demo, tmp_path, capsys):
    runs = "--dcgan", walk / "dcgan", "--cgan", walk / "cgan"
    assert demo("latent.py", *runs, "--out", tmp_path / "second") == 0
    assert "slant, success" in capsys.readouterr().out
    assert numbers_in(walk)["numbers"] == numbers_in(tmp_path / "second")["numbers"]
    assert not (tmp_path / "second" / "dcgan").exists()
    assert Image.open(tmp_path / "second" / "latent.png").width > 600


def test_a_run_of_another_system_is_refused(demo, tmp_path, capsys):
    assert demo("compare.py", "--minutes", 0, "--samples", 300, "--only", "gan", "--out", tmp_path / "out") == 0
    gan = tmp_path / "out" / "gan"
    assert demo("latent.py", "--dcgan", gan, "--cgan", gan, "--out", tmp_path / "walk") == 1
    assert "holds a run of gan and not of dcgan" in capsys.readouterr().err


@pytest.mark.slow
def test_another_seed_is_another_walk(walk, demo, tmp_path):
    runs = "--dcgan", walk / "dcgan", "--cgan", walk / "cgan"
    assert demo("latent.py", *runs, "--seed", 1, "--out", tmp_path / "other") == 0
    first, other = numbers_in(walk), numbers_in(tmp_path / "other")
    assert first["numbers"] != other["numbers"] and first["shortened"] == "--steps 1, not 3000"
    trained, untrained = first["numbers"].values()
    assert trained.keys() == untrained.keys() and trained["S of samples"] != untrained["S of samples"]


@pytest.mark.slow
def test_the_ablation_takes_the_steps_from_progan_to_stylegan(demo, tmp_path, capsys):
    """Each for a step, which draws noise; beside them the numbers of the paper."""
    out = tmp_path / "out"
    assert demo("compare.py", "--minutes", 1e-4, "--samples", 130, "--ablation", "--out", out) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ") and "---" not in line]
    table = [line.split(" | ") for line in lines]
    assert table[0][-1] == "published, of faces |" and [row[-1] for row in table[1:7]] == [
        "8.04 |", "5.25 |", "4.85 |", "4.88 |", "4.42 |", "4.40 |",
    ]  # fmt: skip
    assert [row[0][:4] for row in table[1:7]] == [f"| {letter}:" for letter in "ABCDEF"]
    networks = [json.loads((out / name / "config.json").read_text())["options"] for name in ("stylegan-b", "stylegan")]
    assert networks[0]["networks"] != networks[1]["networks"]


@pytest.mark.slow
def test_the_styles_of_a_run_are_measured_and_drawn(demo, tmp_path, capsys):
    few = "--samples", 128
    assert demo("styles.py", "--steps", 1, *few, "--out", tmp_path / "first") == 0
    told = capsys.readouterr().out
    assert "thickness in W, random" in told and "precision of real images" in told
    assert f"--steps 1, not {STYLES['FULL']['steps']}, --samples 128, not 4000" in told
    run = tmp_path / "first" / "stylegan"
    assert demo("styles.py", "--stylegan", run, *few, "--out", tmp_path / "second") == 0
    first, second = (numbers_in(tmp_path / name)["numbers"] for name in ("first", "second"))
    assert first == second
    assert first["trained"].keys() == first["untrained"].keys() and first["trained"] != first["untrained"]
    assert first["trained"]["ψ = 1"]["spread"] == 1 and first["untrained"]["noise alone"]["pixels"] < 1e-5
    for name in ("mixing", "noise", "truncation", "directions"):
        assert Image.open(tmp_path / "second" / f"{name}.png").width > 600


@pytest.mark.parametrize(
    "data, preset, why",
    [
        ("digits", "quick", "learned from emoji, so --data .* would not fit it"),
        ("emoji", "quick", "draws in grey, and its data are seen in colour: take a run of another preset"),
        ("emoji", "b", "has no styles: take a run of another preset"),
    ],
)
def test_a_run_whose_styles_would_not_be_measured_is_refused(data, preset, why, demo, digits, tmp_path, capsys):
    train("stylegan", preset=preset, data="emoji", steps=1, out=tmp_path / "run")
    given = "emoji" if data == "emoji" else digits
    flags = "--stylegan", tmp_path / "run", "--data", given, "--samples", 128, "--out", tmp_path / "out"
    assert demo("styles.py", *flags) == 1
    assert re.search(why, capsys.readouterr().err)


@pytest.mark.slow
def test_the_styles_of_emoji_are_those_of_colours(demo, tmp_path):
    flags = "--data", "emoji", "--steps", 1, "--samples", 128, "--out", tmp_path / "out"
    assert demo("styles.py", *flags) == 0
    numbers = numbers_in(tmp_path / "out")["numbers"]
    assert numbers["real"] == {} and numbers["trained"]["all styles"].keys() == {"pixels"}
    assert numbers["trained"]["hue in W"].keys() == {"R²", "growth", "success", "leakage"}
    assert numbers["trained"]["ψ = 0"].keys() == {"spread"}
    assert json.loads((tmp_path / "out" / "stylegan" / "config.json").read_text())["preset"] == "emoji"


COMPARE, WALK, STYLES = (runpy.run_path(str(DEMOS / f"{name}.py")) for name in ("compare", "latent", "styles"))


def test_the_seconds_of_a_training_that_was_stopped_count_too(tmp_path, monkeypatch):
    clock, path = iter([0.0, 3.0, 10.0, 14.0]), tmp_path / "run" / "seconds.json"
    monkeypatch.setattr(COMPARE["time"], "perf_counter", lambda: next(clock))
    path.parent.mkdir()
    with pytest.raises(KeyboardInterrupt), COMPARE["timed"](path):
        raise KeyboardInterrupt
    with COMPARE["timed"](path):
        pass
    assert json.loads(path.read_text()) == 3 + 4


def test_each_cell_of_the_table_has_its_number():
    full = {"S": 0.1234, "precision": 0.5, "recall": 0.25, "sure": 0.625, "classes": 9}
    full |= {"weights": [1234, 56], "seconds": 7.6}
    header, _, *rows = COMPARE["table"]({"a": full | {"accuracy": 0.987}, "b": {**full, "S": 2}}).splitlines()
    assert header == "| system | S | precision | recall | sure | classes | accuracy | weights | seconds |"
    assert rows[0] == "| a | 0.123 | 0.50 | 0.25 | 62.5% | 9 | 98.7% | 1,234 + 56 | 8 |"
    assert rows[1] == "| b | 2.000 | 0.50 | 0.25 | 62.5% | 9 |  | 1,234 + 56 | 8 |"
    assert COMPARE["cells"]({"S": 1.0, "precision": 0.5, "recall": 0.1}) == ["1.000", "0.50", "0.10", *[""] * 5]


@pytest.mark.parametrize(
    "change, told", [({}, None), ({"seed": 1}, "seed 0 and not 1"), ({"minutes": 2}, "steps 5400 and not 10800"),
                     ({"data": "emoji"}, "data 'mnist' and not 'emoji'"), ({"samples": 8}, "samples 7 and not 8")],
)  # fmt: skip
def test_a_finished_run_is_taken_if_it_is_the_one_that_is_asked_for(change, told, tmp_path):
    np.save(tmp_path / "samples.npy", np.zeros(7))
    (tmp_path / "seconds.json").write_text("12.5")
    (tmp_path / "config.json").write_text(json.dumps({"data": "mnist", "seed": 0, "steps": 5400}))
    flags = SimpleNamespace(**({"data": "mnist", "seed": 0, "minutes": 1, "samples": 7} | change))
    if not told:
        assert COMPARE["trained"]("gan", flags, tmp_path) == 12.5
        return
    with pytest.raises(CheckpointError, match=f"has {told}: choose another --out"):
        COMPARE["trained"]("gan", flags, tmp_path)


def test_the_columns_are_those_of_the_report():
    score, measures = SimpleNamespace(S=1, classes=2), SimpleNamespace(precision=3, recall=4, sure=5)
    assert COMPARE["columns"](score, measures) == {"S": 1, "precision": 3, "recall": 4, "sure": 5, "classes": 2}


MEASURES = {
    name: {what: f"{what} of {name}" for what in ("precision", "recall", "sure")}
    for name in ("samples", "real", "gaussian")
}
SCORES = {name: SimpleNamespace(S=f"S of {name}", classes=f"classes of {name}") for name in ("samples", "real")}
REPORT = {name: SimpleNamespace(**numbers) for name, numbers in MEASURES.items()}
JUDGE = SimpleNamespace(  # whose numbers say what they are of
    real=lambda count: f"real {count}",
    score=lambda images: SCORES[images.split()[0]],
    report=lambda images: SimpleNamespace(score=SCORES["samples"], accuracy="accuracy of the judge", **REPORT),
    accuracy=lambda images, labels: f"accuracy of {len(labels)}",
)
OF_SAMPLES = {"S": "S of samples", **MEASURES["samples"], "classes": "classes of samples"}


@pytest.fixture
def untrained(monkeypatch):
    """A game before its first step, in the place of that of a run."""
    networks = {"generator": nn.Linear(3, 2), "critic": nn.Linear(4, 2)}
    game = SimpleNamespace(samples=lambda count, rng: {"samples": np.zeros((count, 1, 28, 28))}, **networks)
    monkeypatch.setattr(COMPARE["runs"], "untrained", lambda run: SimpleNamespace(game=game))


def test_the_anchors_are_each_measured_on_their_own_images(untrained):
    found = COMPARE["anchors"](JUDGE, SimpleNamespace(samples=3, seed=0), None)
    real = {"S": "S of real", **MEASURES["real"], "classes": "classes of real", "accuracy": "accuracy of the judge"}
    assert found == {"real": real, "Gaussian": {"S": 1.0, **MEASURES["gaussian"]}, "untrained": OF_SAMPLES}


def test_the_verdict_is_on_the_samples_of_the_run(untrained, tmp_path):
    np.save(tmp_path / "samples.npy", np.zeros((7, 1, 28, 28)))
    expected = OF_SAMPLES | {"weights": [8, 10]}
    assert COMPARE["verdict"](JUDGE, tmp_path) == expected
    np.save(tmp_path / "labels.npy", np.zeros(7, int))
    assert COMPARE["verdict"](JUDGE, tmp_path) == expected | {"accuracy": "accuracy of 7"}


def test_what_sure_means_is_what_is_measured():
    threshold = inspect.signature(fidelity.sure_share).parameters["sure"].default
    assert re.search(r"  sure +share of the samples of which .* p > (.*)\n", COMPARE["__doc__"])[1] == str(threshold)


def test_the_page_says_how_many_steps_there_were():
    """As many as the minutes of the comparison that is kept are enough for."""
    minutes = json.loads((TESTS.parent / "demos" / "pictures" / "compare.json").read_text())["flags"]["minutes"]
    page = (TESTS.parent / "scratchgan" / "models" / "README.md").read_text(encoding="utf-8")
    said = re.findall(r"^\| \[(.*)\]\((\w+)\.py\).* \| ([\d,]+) \|$", page, re.M)
    steps = {name: f"{minutes * COMPARE['STEPS_A_MINUTE'][name]:,}" for name in COMPARE["SYSTEMS_ALONE"]}
    assert said == [(SYSTEMS[name].title, name, number) for name, number in steps.items()]


@pytest.mark.parametrize("S, accuracy, broken", [(1.0, 0.9, []), (1.01, 0.9, [0]), (1.0, 0.899, [1])])
def test_each_claim_of_the_comparison_breaks_just_beyond_its_bound(S, accuracy, broken):
    claims = list(COMPARE["claims"]({"CGAN": {"S": S, "accuracy": accuracy}}, {"untrained": {"S": 3.5}}))
    assert [i for i, claim in enumerate(claims) if not claim.holds] == broken
    assert [claim.anchors for claim in claims] == [{"untrained": 3.5}, {"chance": 0.1}]


@pytest.mark.parametrize("count, title", [(1, "one way"), (2, "two ways"), (12, "twelve ways")])
def test_the_title_counts_the_systems(count, title, monkeypatch, tmp_path):
    titles = []

    def figure(rows, columns, size, title, **options):
        titles.append(title)
        raise InterruptedError

    monkeypatch.setattr(style, "figure", figure)
    with pytest.raises(InterruptedError):
        COMPARE["save_picture"](tmp_path / "x.png", dict.fromkeys(range(count)), {}, None)
    assert titles == [f"The same data, {title} to play"]


def walked(arithmetic=0.1, arcs=0.2, step=0.5, right=0.9):
    rates = {"success": arithmetic}
    names = {name: rates for a in ("thickness", "slant") for name in (a, f"{a}, random direction")}
    scores = {"S of samples": 0.01, "S of images on arcs": arcs, "S of cross-fades": 0.4}
    return names | scores | {"largest step": step, "right class": right}


@pytest.mark.parametrize(
    "beyond, broken",
    [({}, []), ({"arithmetic": 0.09}, [0, 1]), ({"arcs": 0.21}, [2]), ({"step": 0.51}, [3]), ({"right": 0.89}, [4])],
)
def test_each_claim_of_the_walk_breaks_just_beyond_its_bound(beyond, broken):
    fresh = walked(arithmetic=0.0, arcs=3.6, step=0.15, right=0.08)
    claims = list(WALK["claims"]({"trained": walked(**beyond), "untrained": fresh}))
    assert [i for i, claim in enumerate(claims) if not claim.holds] == broken
    assert [claim.anchors["untrained"] for claim in claims] == [0, 0, 3.6, 0.15, 0.08]


def bars(latents):
    """Upright bars; the first number of a latent is the width."""
    across = np.abs(np.arange(28) - 13.5)
    ink = np.clip(4 + 2 * np.tanh(latents[:, :1]) - across, 0, 1)
    return (2 * np.repeat(ink[:, None, None], 28, 2) - 1).reshape(-1, 1, 28, 28).astype(np.float32)


def test_the_rates_of_a_generator_that_draws_its_first_number_as_width():
    """Beside a judge that is sure of all images, and sees the same in them; and one that sees two classes."""
    z, wider = np.random.default_rng(0).standard_normal((50, 4)), np.array([2.0, 0, 0, 0])
    measure = WALK["latent"].thickness
    sure = SimpleNamespace(classify=lambda images: np.eye(10)[np.zeros(len(images), int)])
    rates = WALK["rates"](bars, sure, measure, z, wider, least=0.0)
    assert rates["grows"] > 0.9 and rates["same digit"] == 1 and rates["success"] == rates["grows"]
    assert WALK["rates"](bars, sure, measure, z, wider, least=100.0)["success"] == 0
    assert WALK["rates"](bars, sure, measure, z, -wider, least=0.0)["grows"] < 0.1
    torn = SimpleNamespace(
        classify=lambda images: np.eye(10)[(measure(images) > np.median(measure(bars(z)))).astype(int)]
    )
    rates = WALK["rates"](bars, torn, measure, z, wider, least=0.0)
    assert rates["success"] <= rates["same digit"] < 0.9


def styled(success=0.2, leakage=0.8, r2=0.2, path=30.0, noise=0.5, spread=0.9, coarse=0.5, all_styles=1.0):
    """The numbers of a generator that just meets its claims, or just does not."""
    of_a_step = {"R²": r2, "success": success, "leakage": leakage}
    numbers = {
        f"{name} in {space}{end}": of_a_step for name in ("slant",) for space in "WZ" for end in ("", ", random")
    }
    numbers |= {f"path length in {space}": {"full": path} for space in "zw"}
    numbers |= {"path length of cross-fades": {"full": 1.5}, "deviation of a pixel": {"ratio": noise}}
    numbers |= {f"{name} styles": {"features": 0.5} for name in STYLES["styles"].GROUPS}
    numbers |= {"coarse (4×4, 8×8) styles": {"features": coarse}, "all styles": {"features": all_styles}}
    half = {"spread": spread, "precision": 0.7, "recall": 0.4}
    return numbers | {"ψ = 0": {"spread": 0.1}, "ψ = 0.5": half, "ψ = 1": {"precision": 0.7, "recall": 0.5}}


@pytest.mark.parametrize(
    "beyond, broken",
    [
        ({}, []),
        ({"coarse": 0.49}, [0]),
        ({"all_styles": 0.79}, [1]),
        ({"all_styles": 1.21}, [1]),
        ({"noise": 0.51}, [2]),
        ({"spread": 0.91}, [3]),
        ({"path": 30.1}, [6, 7]),
        ({"success": 0.19}, [8]),
        ({"leakage": 0.81}, [9]),
        ({"r2": 0.19}, [10]),
    ],
)
def test_each_claim_about_styles_breaks_just_beyond_its_bound(beyond, broken):
    eyes = SimpleNamespace(classified=True, attributes=["slant"])
    numbers = {"trained": styled(**beyond), "untrained": styled(0.0, 1.0, 0.0, 40.0, 0.0, 0.95)}
    claims = list(STYLES["claims"](numbers | {"real": {"precision": 0.9, "recall": 0.9}}, eyes))
    assert [i for i, claim in enumerate(claims) if not claim.holds] == broken
    assert [claims[i].anchors["untrained"] for i in (3, 6, 8, 9, 10)] == [0.95, 40, 0, 1, 0]


def test_the_measures_of_styles_depend_on_the_seed_alone():
    network, eyes = stylegan.Generator(np.random.default_rng(0), 4, (4, 3), 3, depth=1), seen.Pictures("emoji", 40)
    flags = [SimpleNamespace(samples=128, seed=seed) for seed in (0, 0, 1)]
    first, again, other = (STYLES["measured"](network, eyes, flag) for flag in flags)
    assert first == again and first["brightness in W"] != other["brightness in W"]
    assert first["all styles"]["pixels"] == pytest.approx(1, abs=0.1) and first["noise alone"]["pixels"] < 1e-5
    assert first["brightness in W"]["R²"] > 0.2 > first["brightness in W, random"]["R²"]
    growth = [first[f"brightness in W{end}"]["growth"] for end in ("", ", random")]
    assert growth[0] > 4 * abs(growth[1])


def looked_at(flat):
    """Eyes with a classifier, to which an image is what it is, and of the class that the sign of its sum says."""
    return SimpleNamespace(
        classified=True,
        attributes=("upper", "lower"),
        features=lambda images: flat(images),
        values=lambda images: images.sum((1, 3)),
        classes=lambda images: (flat(images).sum(1) > 0).astype(int),
    )


EYES = looked_at(lambda images: images.reshape(len(images), -1))


class Cubes:
    """A generator that is no straight map of w = 2z: images (N, 1, 2, 2); noise adds its number."""

    latent_size, layers, center = 4, 8, np.zeros(4)

    def w(self, z):
        return 2 * z

    def __call__(self, styles, noise=0):
        each = styles if isinstance(styles, list) else [styles] * self.layers
        return (np.mean(each, 0) ** 3 + noise).reshape(-1, 1, 2, 2)


def test_mixing_exchanges_styles_or_the_noise_alone():
    w = np.random.default_rng(0).standard_normal((40, 4))
    numbers, other = STYLES["mixing"](Cubes(), EYES, w), np.roll(w, 1, axis=0)
    assert numbers["noise alone"]["pixels"] == pytest.approx(2 / STYLES["latent"].apart(w**3))  # √4 pixels, by 1
    sums = [(images**3).sum(1) > 0 for images in (w, other, (w + other) / 2)]
    assert numbers["all styles"]["another digit"] == (sums[0] != sums[1]).mean()
    assert numbers["coarse (4×4, 8×8) styles"]["another digit"] == (sums[0] != sums[2]).mean()
    assert numbers["all styles"]["pixels"] == numbers["all styles"]["features"] == 1


def test_the_deviation_by_noise_is_set_against_that_of_latents():
    found = STYLES["noise"](Cubes(), np.random.default_rng(0).standard_normal((40, 4)))["deviation of a pixel"]
    assert found["noise"] == pytest.approx(np.arange(64).std()) and found["ratio"] == found["noise"] / found["latents"]


def test_each_path_leads_through_its_own_space_evenly_or_at_its_end():
    styles, generator = STYLES["styles"], Cubes()
    found = STYLES["paths"](generator, EYES, 50, np.random.default_rng(0))
    again = np.random.default_rng(0)
    z, t = again.standard_normal((2, 50, 4)), again.random(50) * (1 - 1e-4)
    walks = {
        "z": lambda t: generator(2 * styles.arc(*z, t)),
        "w": lambda t: generator(styles.line(*(2 * z), t)),
    }
    for space, walk in walks.items():
        expected = [styles.path_length(walk, EYES.features, place, 1e-4) for place in (t, 0 * t)]
        assert list(found[f"path length in {space}"].values()) == pytest.approx(expected)
    assert found["path length of cross-fades"] == pytest.approx({"full": 1, "end": 1})
    assert found["path length in z"]["full"] > found["path length in w"]["full"] > 1.1


def test_paths_are_measured_in_double_precision(monkeypatch):
    """Differences of 10⁻⁴ have but few digits in single precision."""
    network, seen_by = stylegan.Generator(np.random.default_rng(0), 4, (4, 3), 3, depth=1), []
    monkeypatch.setitem(STYLES["measured"].__globals__, "paths", lambda generator, *_: seen_by.append(generator) or {})
    STYLES["measured"](network, seen.Pictures("emoji", 40), SimpleNamespace(samples=128, seed=0))
    assert seen_by[0].dtype == np.float64


def test_a_fit_is_tried_on_samples_that_it_has_not_seen(monkeypatch):
    """Of 64 samples in 70 dimensions each number is a linear function; and changes are measured within classes."""
    generator, own = Cubes(), []
    generator.latent_size = 70
    generator.w = lambda z: z
    monkeypatch.setattr(Cubes, "__call__", lambda self, w: np.tanh(w[:, :4]).reshape(-1, 1, 2, 2))
    effects = SimpleNamespace(made=lambda before, eyes, own_: own.append(own_) or (lambda after, i: {}))
    monkeypatch.setitem(STYLES["directions"].__globals__, "Effects", effects.made)
    found = STYLES["directions"](generator, EYES, 128, np.random.default_rng(0))
    assert found.keys() == {
        f"{name} in {space}{end}" for name in EYES.attributes for space in "WZ" for end in ("", ", random")
    }
    assert all(row["R²"] < 0.9 for row in found.values())
    images = generator(np.random.default_rng(0).standard_normal((128, 70)))
    values, labels = EYES.values(images), EYES.classes(images)
    np.testing.assert_allclose(own[0], STYLES["styles"].within(values, labels).std(0))
    assert (own[0] < 0.95 * values.std(0)).all()


@pytest.fixture
def mosaics(monkeypatch):
    """All that the pictures show, in their order: (label, images)."""
    shown = []
    monkeypatch.setitem(
        STYLES["mosaic"].__globals__, "mosaic", lambda axes, images, label="": shown.append((label, images))
    )
    return shown


def test_a_mosaic_has_its_images_in_rows_and_columns():
    axes, images = Figure().subplots(), np.arange(6.0).reshape(2, 3, 1, 1, 1) * np.ones((1, 4, 5)) / 10
    for shown in (images, np.repeat(images, 3, 2)):
        STYLES["mosaic"](axes, shown)
    grey, coloured = (image.get_array() for image in axes.images)
    assert grey.shape == (8, 15) and grey[::4, ::5].tolist() == [[0, 0.1, 0.2], [0.3, 0.4, 0.5]]
    assert coloured.shape == (8, 15, 3) and coloured[7, 14].tolist() == [0.75] * 3


def test_in_the_picture_of_mixing_a_row_keeps_its_image_and_a_column_gives_its_styles(mosaics, tmp_path):
    STYLES["save_mixing"](tmp_path / "mixing.png", Cubes(), np.random.default_rng(0), None, rows=2, columns=3)
    above, (_, left), (_, right) = mosaics[0][1], *mosaics[1:3]
    w, other = np.cbrt(left[:, 0]), np.cbrt(above[0])  # half of the eight layers are coarse
    np.testing.assert_allclose(right, ((w[:, None] + other) / 2) ** 3, atol=1e-12)
    assert right.shape == (2, 3, 1, 2, 2) and (tmp_path / "mixing.png").exists()


def test_the_picture_of_directions_leads_from_less_to_more(mosaics, tmp_path):
    numbers = {
        f"{name} in {space}": {"success": 0, "leakage": 0, "R²": 0} for name in EYES.attributes for space in "WZ"
    }
    path = tmp_path / "directions.png"
    STYLES["save_directions"](path, Cubes(), EYES, numbers, 200, np.random.default_rng(0), columns=5)
    assert [label for label, _ in mosaics] == ["upper", "lower", "", ""]
    for i, (_, images) in enumerate(mosaics):
        assert images.shape == (2, 5, 1, 2, 2) and (np.diff(images.sum((2, 4))[:, :, i % 2].mean(0)) > 0).all()


@pytest.mark.parametrize("precision, recall, broken", [(0.69, 0.4, ["precision"]), (0.7, 0.46, ["recall"])])
def test_truncation_must_not_cost_precision_and_must_cost_recall(precision, recall, broken):
    less = {"ψ = 0.5": {"spread": 0.5, "precision": precision, "recall": recall}}
    claims = STYLES["claims_of_truncation"](styled() | less, styled(), {"precision": 0.9, "recall": 0.9})
    assert [claim.text.split()[0] for claim in claims if not claim.holds] == broken


def test_the_effects_of_a_step_are_measured_in_real_and_in_own_deviations():
    """Of bars whose width grows by 1: half a deviation of real ones, and a sure classifier; then one that is torn."""
    before, after = bars(np.full((9, 1), -0.5)), bars(np.full((9, 1), 0.2))
    grown = (STYLES["latent"].thickness(after) - STYLES["latent"].thickness(before))[0]
    eyes = SimpleNamespace(
        classified=True,
        real=None,
        deviations=lambda images: np.array([2 * grown, 1.0]),
        values=lambda images: np.stack([STYLES["latent"].thickness(images), 3 * STYLES["latent"].thickness(images)], 1),
        probabilities=lambda images: np.eye(10)[np.zeros(len(images), int)],
    )
    measure = STYLES["Effects"](before, eyes, np.array([grown, grown]))
    found = measure(after, 0)
    assert found == pytest.approx({"growth": 0.5, "success": 1, "another digit": 0, "leakage": 3}, abs=1e-5)
    eyes.deviations = lambda images: np.array([2.1 * grown, 1.0])
    assert STYLES["Effects"](before, eyes, np.array([grown, grown]))(after, 0)["success"] == 0
    eyes.probabilities = lambda images: np.eye(10)[[0, 1, 2] * 3 if images is after else np.zeros(9, int)]
    torn = measure(after, 0)
    assert torn["success"] == pytest.approx(1 / 3) and torn["another digit"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "name, flags",
    [
        ("compare.py", ["--minutes", "-1"]),
        ("compare.py", ["--samples", "128", "--minutes", "0", "--only", "gan"]),
        ("compare.py", ["--only", "x"]),
        ("compare.py", ["--ablation", "--only", "gan", "--minutes", "0", "--samples", "1000000000"]),
        ("latent.py", ["--steps", "0"]),
        ("styles.py", ["--samples", "127"]),
    ],
)
def test_a_bad_flag_is_answered_in_a_sentence(name, flags, demo, capsys):
    assert demo(name, *flags) == 2
    assert "error: argument" in capsys.readouterr().err
