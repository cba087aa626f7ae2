"""What the README and its pages say is so: programs run, links lead somewhere, numbers are those measured."""

import importlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchgan import nn
from scratchgan.data.mnist import embedded_digits
from scratchgan.models import SYSTEMS
from scratchgan.models.networks import count

ROOT = Path(__file__).parent.parent
PAGES = {
    page: (ROOT / page).read_text(encoding="utf-8")
    for page in (
        "README.md",
        "scratchgan/README.md",
        "scratchgan/models/README.md",
        "scratchgan/training/README.md",
        "demos/README.md",
        "demos/losses.md",
        "demos/exercises.md",
        "tests/README.md",
    )
}
TEXT, SYSTEMS_PAGE, LESSONS = PAGES["README.md"], PAGES["scratchgan/models/README.md"], PAGES["demos/README.md"]
PROGRAMS = [program for text in PAGES.values() for program in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]
LINKS = [(page, target) for page, text in PAGES.items() for target in set(re.findall(r"\]\((?!http)([^)]+)\)", text))]


@pytest.mark.parametrize("program", PROGRAMS)
def test_its_programs_run(program):
    exec(compile(program, "README.md", "exec"), {})


def test_the_checker_says_what_it_is_quoted_with():
    program = next(program for program in PROGRAMS if "def cube" in program)
    assert "g * 3 * x * x" in program
    with pytest.raises(AssertionError) as error:
        exec(program.replace("g * 3 * x * x", "g * 3 * x.data**2"), {})
    (quoted,) = re.findall(r"```text\nAssertionError: (.*?)```", PAGES["tests/README.md"], re.DOTALL)
    assert quoted.split() == str(error.value).split()


def test_its_two_commands_stand_near_the_top():
    top = "\n".join(TEXT.splitlines()[:25])
    assert "\npip install -e . && python demos/wgan_gp_mnist.py\n" in top
    assert '\npip install -e ".[test]" && pytest\n' in top


def test_it_is_short():
    assert len(TEXT.split()) <= 1300


@pytest.mark.parametrize("page, target", sorted(LINKS))
def test_links_lead_somewhere(page, target):
    path, _, place = target.partition("#")
    there = ((ROOT / page).parent / path).resolve() if path else ROOT / page
    assert there.exists()
    if place:
        headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.M)
        assert place in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_every_page_is_reached_from_the_readme():
    assert {f"{page}" for page in PAGES if page != "README.md"} <= {target.partition("#")[0] for _, target in LINKS}


def test_every_lesson_is_named():
    words = "".join(PAGES.values())
    assert [path.name for path in (ROOT / "demos").glob("*.py") if f"demos/{path.name}" not in words] == []


def test_every_picture_is_shown():
    shown = {((ROOT / page).parent / target).resolve() for page, target in LINKS}
    pictures = [path for path in (ROOT / "demos" / "pictures").iterdir() if path.suffix in (".png", ".gif")]
    assert [path.name for path in pictures if path.resolve() not in shown] == []


# The course: from a word to the lines that compute it -----------------------------------------------------------------

COURSE = PAGES["scratchgan/README.md"]
NAMED = re.findall(r"\[`(\w+)`\]\(([\w/]+\.py)\)", COURSE)


@pytest.mark.parametrize("name, path", sorted(set(NAMED)))
def test_each_name_of_the_course_is_in_its_file(name, path):
    source = (ROOT / "scratchgan" / path).read_text(encoding="utf-8")
    assert re.search(rf"^\s*(def|class) {name}\b|^\s*{name} = |\b{name}(=|: .+ = )", source, re.M)


@pytest.mark.parametrize("room", ["losses", "metrics"])
def test_each_public_name_of_a_room_is_in_the_course(room):
    module, known = importlib.import_module(f"scratchgan.{room}"), {name for name, _ in NAMED}
    assert set(module.__all__) - known == set()


def test_each_layer_that_pytorch_lacks_is_in_the_course():
    layers = {name: value for name, value in vars(nn).items() if name in nn.__all__ and isinstance(value, type)}
    ours = {name for name, layer in layers.items() if not layer.__module__.endswith(ALSO_IN_PYTORCH)}
    assert ours - {name for name, _ in NAMED} == set()


ALSO_IN_PYTORCH = ".layers", ".stateless", ".module"  # the files of layers that are called as there


def test_each_system_and_each_file_of_the_laboratory_is_in_the_course():
    linked = {target for page, target in LINKS if page == "scratchgan/README.md"}
    systems = {f"models/{name}.py" for name in SYSTEMS}
    tools = {
        "__init__",
        "claims",
        "command",
        "parallel",
        "runs",
        "style",
    }  # of the lessons, and no matter of the course
    lab = {f"lab/{path.name}" for path in (ROOT / "scratchgan" / "lab").glob("*.py") if path.stem not in tools}
    assert (systems | lab) - linked == set()


@pytest.mark.parametrize("page", [TEXT, SYSTEMS_PAGE])
def test_what_the_judge_is_given_is_what_the_line_before_leaves(page, tmp_path):
    """The line before is run as it stands, on a run of the demo of one step on a few digits."""
    sample, judge = re.search(r"\n(scratchgan sample .*--out .*)\n(scratchgan judge .*)\n", page).groups()
    images = embedded_digits().images[::100]
    header = np.array([2051, len(images), 28, 28], ">u4").tobytes()
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + images.tobytes())
    labels = np.array([2049, len(images)], ">u4").tobytes() + bytes(len(images))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(labels)
    quick = ["--preset", "quick", "--steps", "1", "--data", str(tmp_path)]
    words = shlex.split(sample, comments=True)[1:]
    for command in ([ROOT / "demos" / "wgan_gp_mnist.py", *quick], ["-m", "scratchgan", *words]):
        done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    (samples,) = (word for word in shlex.split(judge, comments=True) if word.endswith(".npy"))
    assert np.load(tmp_path / samples).shape == (5000, 1, 28, 28)


# Numbers: each in a file that a command left, beside the picture that it left ----------------------------------------


def kept(name, script=None):
    """The numbers of a command; the file says which, and how they were obtained."""
    left = json.loads((ROOT / "demos" / "pictures" / f"{name}.json").read_text(encoding="utf-8"))
    assert left["command"].startswith(f"python demos/{script or name}.py")
    return left["numbers"]


def table(first):
    """The cells of a table whose header begins so: a list for each row."""
    text = "".join(PAGES.values())
    lines = text.partition(f"| {first} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_of_systems_is_that_of_the_comparison():
    numbers = kept("compare")
    rows = table("system | S | precision | recall | sure | classes | right class | weights of G + D | steps")
    compared = list(numbers["systems"])
    systems, anchors = rows[: len(compared)], rows[len(compared) :]
    assert compared == list(SYSTEMS)[: len(compared)]
    for cells, row in zip(systems + anchors, (numbers["systems"] | numbers["anchors"]).values(), strict=True):
        shares = [f"{row['precision']:.2f}", f"{row['recall']:.2f}", f"{row['sure']:.0%}".replace("%", " %")]
        assert cells[1:6] == [f"{row['S']:.3f}", *shares, str(row.get("classes", ""))]
    for cells, row in zip(systems, numbers["systems"].values()):
        assert cells[7] == " + ".join(f"{n:,}" for n in row["weights"])
    for cells, row in zip([*systems, anchors[0]], [*numbers["systems"].values(), numbers["anchors"]["real"]]):
        assert cells[6] == (f"{100 * row['accuracy']:.1f} %" if "accuracy" in row else "")
    assert [cells[6] for cells in anchors[1:]] == ["", "chance: 10 %"]
    words = re.search(
        r"classifier is sure \(p > 0.95\): (.* %) of real digits, .*, (.* %) of the Gaussian's", SYSTEMS_PAGE
    )
    assert list(words.groups()) == [cells[4] for cells in anchors[:2]]


def test_the_table_of_the_ablation_is_that_of_the_comparison():
    found = kept("ablation", "compare")["systems"].values()
    shares = [
        [f"{row['precision']:.2f}", f"{row['recall']:.2f}", f"{100 * row['sure']:.0f} %", str(row["classes"])]
        for row in found
    ]
    ends = [(row["title"], f"{row['S']:.3f}", f"{row['published']:.2f}") for row in found]
    assert table("step | S | precision") == [[name, S, *some, face] for (name, S, face), some in zip(ends, shares)]


@pytest.mark.parametrize("name", kept("compare")["systems"])
def test_the_weights_of_the_table_are_those_of_the_networks(name):
    game = SYSTEMS[name].build(np.random.default_rng(0))
    assert [count(game.generator), count(game.critic)] == kept("compare")["systems"][name]["weights"]


def test_the_walk_through_latent_space_is_quoted_as_it_was():
    trained, untrained = kept("latent")["trained"], kept("latent")["untrained"]
    words = LESSONS.partition("`python demos/latent.py` walks")[2].partition("\n\n")[0]
    scores = [f"{trained[f'S of {what}']:.3f}" for what in ("images on arcs", "samples", "cross-fades")]
    assert re.findall(r"\d\.\d{3}", words) == scores
    rates = [trained[name]["success"] for name in ("thickness", "slant")]
    rates += [trained[f"{name}, random direction"]["success"] for name in ("thickness", "slant")]
    rates += [column["slant"]["grows"] for column in (trained, untrained)]
    assert re.findall(r"[\d.]+%", words) == [f"{rate:.1%}" for rate in rates]
    assert "untrained in none" in words and untrained["thickness"]["success"] == untrained["slant"]["success"] == 0


def test_the_modes_are_quoted_as_they_were():
    rows = kept("mode_collapse")["sets"]["25 Gaussians"]
    words = " ".join(LESSONS.partition("`python demos/mode_collapse.py`: ten")[2].partition("\n\n")[0].split())
    assert f"minimax ends with {rows['minimax']['modes']} of 25" in words
    assert f"WGAN-GP {rows['WGAN-GP']['modes']} of 25, non-saturating with R₁ 25 on every seed" in words
    r1, real, fresh = (rows[name] for name in ("non-saturating + R1", "real points", "untrained"))
    assert f"W₁ {r1['w1']} where two sets of real points are {real['w1']:.2f} apart" in words and r1["modes"] == 25
    assert f"A generator before its first step has {fresh['modes']:.0f} of 25, and W₁ {fresh['w1']:.2f}" in words


def test_the_published_numbers_are_quoted_as_they_were_published():
    from scratchgan.lab.pacgan import PUBLISHED

    for name, cells in ((row[0], row[1:]) for row in table("| ring: modes") if row[0].startswith("published")):
        method = re.search("published: (.*), 400,000 steps", name)[1]
        found = [PUBLISHED[data][method] for data in ("PacGAN ring", "PacGAN grid")]
        assert cells == [
            cell for modes, share, kl in found for cell in (f"{modes}", f"{100 * share:.1f} %", f"{kl:.2f}")
        ]
