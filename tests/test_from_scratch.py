"""The file to read first: it stays on one screen, it trains, and its penalty is that of the library."""

import ast
import runpy

import numpy as np
import pytest
from PIL import Image
from places import DEMOS

from scratchgan import Tensor, grad
from scratchgan.data.mnist import embedded_digits
from scratchgan.losses import gradient_norms, gradient_penalty, on_lines

DEMO = DEMOS / "from_scratch.py"


@pytest.fixture
def program():
    return runpy.run_path(str(DEMO))


def test_it_is_one_screen_and_uses_four_names_and_the_data():
    text = DEMO.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    imported = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    names = {node.module: [alias.name for alias in node.names] for node in imported}
    ours = {"scratchgan": ["Tensor", "grad", "nn", "optim"], "scratchgan.data": ["Batches", "load"]}
    assert names == ours | {"PIL": ["Image"]}


def test_it_says_what_it_is_and_takes_no_flags(monkeypatch, capsys):
    for flag, status in (("--help", 0), ("--steps", 2)):
        monkeypatch.setattr("sys.argv", ["from_scratch.py", flag])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(DEMO), run_name="__main__")
        assert end.value.code == status
    said = capsys.readouterr()
    assert ast.get_docstring(ast.parse(DEMO.read_text(encoding="utf-8"))) in said.out
    assert "unrecognized arguments: --steps" in said.err


def test_it_trains_both_players_and_leaves_a_picture(program, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    players = program["G"], program["D"]
    weights = [parameter for player in players for parameter in player.parameters() if parameter.ndim > 1]
    before = [parameter.numpy().copy() for parameter in weights]
    program["train"](embedded_digits().images[:64], steps=3, batch=8)
    assert all(np.isfinite(new.numpy()).all() and (new.numpy() != old).any() for old, new in zip(before, weights))
    picture = np.asarray(Image.open(tmp_path / "from_scratch.png"))
    assert picture.shape == (672, 672) and picture.dtype == np.uint8 and picture.std() > 0
    assert capsys.readouterr().out.startswith("    3 of 3 steps, distance about ")


def test_the_critic_learns_to_tell_real_from_fake(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    digits = embedded_digits().images[:64]
    program["train"](digits, steps=20, batch=16, lr=1e-3)
    real, fake = Tensor(digits.astype(np.float32) / 127.5 - 1), program["G"](program["noise"](64))
    assert program["D"](real).mean().item() > program["D"](fake).mean().item()


class Places:
    """Random places on the lines, the same whoever asks."""

    def random(self, shape, dtype=np.float32):
        return np.random.default_rng(7).random(shape, dtype=np.float32).astype(dtype)


def test_its_penalty_is_that_of_the_library(program):
    real, fake = (Tensor(np.random.default_rng(i).standard_normal((5, 1, 28, 28), dtype=np.float32)) for i in (1, 2))
    program["penalty"].__globals__["rng"] = Places()
    expected = gradient_penalty(gradient_norms(program["D"], on_lines(real, fake, Places())))
    assert program["penalty"](real, fake).item() == pytest.approx(expected.item(), rel=1e-6)


def test_its_penalty_is_differentiated_in_the_weights(program):
    real, fake = (Tensor(np.random.default_rng(i).standard_normal((5, 1, 28, 28), dtype=np.float32)) for i in (1, 2))
    weights = [weight for weight in program["D"].parameters() if weight.ndim > 1]
    assert all(g.numpy().any() for g in grad(program["penalty"](real, fake), weights))
