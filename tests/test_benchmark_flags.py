"""The flags of the benchmarks: numbers of what there must be some of, and programs that are there."""

import importlib
import sys

import pytest

FEW = "must be at least 1"
FLAGS = {
    "speed --runs 0": FEW,
    "speed --threads 0": FEW,
    "speed --steps 0": FEW,
    "speed --only mlp --demo": "not allowed with argument --only",
    "busy --turns 0": FEW,
    "busy --busy -1": "-1 is negative",
    "compiled --runs 0": FEW,
    "compiled --threads 0": FEW,
    "compiled --jax nowhere/python": "nowhere/python is no program",
    "kin --runs 0": FEW,
    "kin --threads 0": FEW,
    "kin --chainer nowhere/python": "nowhere/python is no program",
    "kin --dezero .": ". is no program",
    "launches --top -1": "-1 is negative",
    "likelihoods vae --epochs 0": FEW,
    "likelihoods vae --images 127": "must be at least 128",
    "likelihoods vae --images 60001": "must be at most 60,000",
    "likelihoods vae --threads 0": FEW,
    "likelihoods vae --seed -1": "-1 is negative",
    "ranks --turns 0": FEW,
}


@pytest.mark.parametrize("line", FLAGS)
def test_a_bad_flag_is_answered_in_a_sentence(line, monkeypatch, capsys):
    name, *flags = line.split()
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *flags])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(name).main()
    assert ended.value.code == 2
    named = [flag for flag in flags if flag.startswith("--")][-1]
    assert f"argument {named}: {FLAGS[line]}" in capsys.readouterr().err
