"""What demos/losses.md says: limits, healthy runs and failures are those of the files that the lesson left."""

import json
import re

import numpy as np
import pytest
from places import DEMOS

from scratchgan.lab.claims import number
from scratchgan.lab.failures import FAILURES
from scratchgan.lab.limits import alike, slope_for, told_apart
from scratchgan.lab.readings import READINGS, ends
from scratchgan.losses import OBJECTIVES
from scratchgan.models import SYSTEMS

PAGE = (DEMOS / "losses.md").read_text(encoding="utf-8")
KEPT = json.loads((DEMOS / "pictures" / "losses.json").read_text(encoding="utf-8"))["numbers"]
of_systems = pytest.mark.parametrize("name", READINGS)


def table(first):
    """The rows of the page's table whose header begins so."""
    lines = PAGE.partition(f"| {first} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_what_is_kept_was_judged_and_holds():
    left = json.loads((DEMOS / "pictures" / "losses.json").read_text(encoding="utf-8"))
    assert not left["shortened"] and len(left["claims"]) == 20 and all(claim["holds"] for claim in left["claims"])


WORDS = {"log 4": np.log(4), "log 2": np.log(2), "−log 2": -np.log(2), "2 log 2 = log 4": np.log(4), "¼": 1 / 4,
         "⅛": 1 / 8, "½": 1 / 2, "0": 0, "1": 1, "2": 2}  # fmt: skip


def test_the_page_has_the_limits():
    rows = table("objective | L_D, p_G = p")
    assert {row[0] for row in rows} == set(OBJECTIVES)
    for name, *cells in rows:
        found = *alike(name), *told_apart(name)
        for cell, value in zip(cells, found):
            if cell == "open":  # any score will do
                assert value == 0
            elif cell in ("grows", "falls"):
                assert abs(value) >= 40 and (value > 0) == (cell == "grows")
            else:
                assert value == pytest.approx(WORDS[cell], abs=1e-12)


@of_systems
def test_the_page_quotes_the_runs(name):
    (cells,) = (row for row in table("system | steps") if row[0] == f"[{name}](../scratchgan/models/{name}.py)")
    run = KEPT["healthy"][name]
    quoted = "; ".join(f"`{c}` {number(ends(v)[0])} → {number(ends(v)[1])}" for c, v in run["curves"].items())
    assert cells[1:3] == [f"{run['steps']:,}", quoted] and cells[3]
    assert run["preset"] == "quick" and run["steps"] == SYSTEMS[name].presets["quick"].steps


def test_the_page_quotes_the_norms_and_what_is_expected():
    for name, weight, estimate, expected, norm in table("system | λ"):
        curves = KEPT["healthy"][name]["curves"]
        W = ends(curves["wasserstein"])[1]
        assert [estimate, expected, norm] == [
            number(W), f"{slope_for(W, float(weight)):.2f}", f"{ends(curves['gradient_norm'])[1]:.2f}"
        ]  # fmt: skip


def test_the_page_quotes_the_failures():
    rows = {row[0]: row[1:] for row in table("failure | how it is made")}
    for name, failure in FAILURES.items():
        kept = KEPT["failures"][name]
        last = [number(np.mean(kept[kind]["told"][-5:])) for kind in ("right", "failing")]
        assert rows[failure.title] == [failure.made, failure.telling, *last, number(kept["right"]["told"][0])]
        assert f"**{failure.title[0].upper()}{failure.title[1:]}.**" in PAGE
    early = np.mean(KEPT["failures"]["collapse"]["failing"]["L_G"][0][2:6])
    assert f"Here L_G is {early:.2f} from step 100 to 300" in PAGE
    assert max(KEPT["failures"]["collapse"]["failing"]["told"][3:8]) <= 2
    stated = re.search(r"at a median distance of ([\d.]+), and fresh\npoints at ([\d.]+)", PAGE).groups()
    claims = json.loads((DEMOS / "pictures" / "losses.json").read_text(encoding="utf-8"))["claims"]
    (distance,) = (claim for claim in claims if "median distance" in claim["claim"])
    assert stated == (f"{distance['value']:.2f}", f"{distance['anchors']['of fresh points']:.2f}")
