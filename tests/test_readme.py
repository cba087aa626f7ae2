"""What the README says is so: its programs run, its links lead somewhere, its two commands are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("program", PROGRAMS)
def test_its_programs_run(program):
    exec(compile(program, "README.md", "exec"), {})


def test_the_checker_says_what_it_is_quoted_with():
    program = next(program for program in PROGRAMS if "def cube" in program)
    assert "g * 3 * x * x" in program
    with pytest.raises(AssertionError) as error:
        exec(program.replace("g * 3 * x * x", "g * 3 * x.data**2"), {})
    (quoted,) = re.findall(r"```text\nAssertionError: (.*?)```", TEXT, re.DOTALL)
    assert quoted.split() == str(error.value).split()


def test_its_two_commands_stand_near_the_top():
    top = "\n".join(TEXT.splitlines()[:25])
    assert "\npip install -e . && python demos/wgan_gp_mnist.py\n" in top
    assert '\npip install -e ".[test]" && pytest\n' in top


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", TEXT))))
def test_its_links_lead_somewhere(target):
    assert (ROOT / target).exists()
