"""Claims: what holds, what is asked, and what stands beside."""

import json
import math

import numpy as np
import pytest

from scratchgan.lab.claims import Claim, number


@pytest.mark.parametrize("value, inside", [(1, True), (1.5, True), (2, True), (0.999, False), (2.001, False)])
def test_a_claim_holds_between_its_bounds(value, inside):
    assert Claim("", value, 1, 2).holds is inside
    assert Claim("", value, 1, 2, outside=True).holds is not inside


@pytest.mark.parametrize("bounds", [{}, {"low": 0}, {"high": 0}])
def test_what_could_not_be_measured_lies_between_no_bounds(bounds):
    assert not Claim("", math.nan, **bounds).holds and Claim("", math.nan, **bounds, outside=True).holds


def test_a_claim_says_its_number_its_bounds_and_its_anchors():
    assert str(Claim("slope", 1.0349, 0.8, 1.2)) == "pass  slope: 1.03, asked ≥ 0.8 and ≤ 1.2"
    assert str(Claim("share", 0.25, low=0.5, anchors={"untrained": 0.1, "noise": 0})) == (
        "FAIL  share: 0.25, asked ≥ 0.5 (untrained: 0.1, noise: 0)"
    )
    assert str(Claim("slope", 1.7, 0.8, 1.2, outside=True)) == "pass  slope: 1.7, asked < 0.8 or > 1.2"


def test_without_a_verdict_only_the_number_is_said():
    assert Claim("share", 0.25, low=0.5).line(judged=False) == "      share: 0.25, asked ≥ 0.5"


def test_numbers_of_thousands_have_no_exponent():
    assert [number(x) for x in (0.01234, 999.4, 1234.5, 3e7)] == ["0.0123", "999", "1,234", "3e+07"]


def test_a_claim_as_json_holds_all_of_it():
    claim = Claim("share", np.float32(0.5), high=1, anchors={"untrained": np.inf, "chance": np.float32(0.25)})
    assert json.loads(json.dumps(claim.as_json())) == {
        "claim": "share", "value": 0.5, "asked": "≤ 1", "holds": True, "anchors": {"untrained": None, "chance": 0.25},
    }  # fmt: skip
    assert Claim("ratio", math.nan, low=20).as_json()["value"] is None  # JSON has no word for it
