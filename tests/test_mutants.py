"""The suite is known to catch the field's mistakes: each one of `mutants.txt` is planted, and its test turns red.

The table is checked with every run of the suite; planting takes minutes, so it is marked slow: ``pytest -m slow``.
"""

import re
from concurrent.futures import ThreadPoolExecutor

import mutants
import pytest

MUTANTS = mutants.read()
every_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


def test_no_two_mutants_are_the_same():
    assert len({mutant.name for mutant in MUTANTS}) == len({mutant.planted() for mutant in MUTANTS}) == len(MUTANTS)


@every_mutant
def test_a_mutant_changes_one_place_and_is_still_a_program(mutant):
    assert mutant.wrong != mutant.right
    compile(mutant.planted(), mutant.file, "exec")


@every_mutant
def test_a_mutant_names_tests_that_exist(mutant):
    assert mutant.killers
    for killer in mutant.killers:
        file, test = re.fullmatch(r"(.*?)::(\w+)(?:\[.*\])?", killer).groups()
        assert f"def {test}(" in (mutants.TESTS / file).read_text()


def names_of_tests(folder):
    for path in sorted((mutants.TESTS / folder).glob("test_*.py")):
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.M):
            yield f"{path.relative_to(mutants.TESTS)}::{name}"


@pytest.mark.parametrize("folder", ["gradcheck", "models"])
def test_no_test_of_a_derivative_or_a_model_is_vacuous(folder):
    """Each kills a mutant, so each can fail."""
    killers = {killer.partition("[")[0] for mutant in MUTANTS for killer in mutant.killers}
    assert not [test for test in names_of_tests(folder) if test not in killers]


@pytest.fixture(scope="module")
def verdicts(request, tmp_path_factory):
    """For each mutant of this run, what `Mutant.survives` will say; two are worked on at a time."""
    items = [item for item in request.session.items if "verdicts" in item.fixturenames]
    pool = ThreadPoolExecutor(2)
    chosen = [item.callspec.params["mutant"] for item in items]
    yield {mutant: pool.submit(mutant.survives, tmp_path_factory.mktemp("mutant")) for mutant in chosen}
    pool.shutdown(cancel_futures=True)


@pytest.mark.slow
@every_mutant
def test_the_mistake_is_caught(mutant, verdicts):
    assert verdicts[mutant].result() == []


@pytest.mark.slow
def test_without_a_mistake_the_same_tests_pass(tmp_path):
    """They would kill everything if they always failed, or did not find the package."""
    mutants.copy_package(tmp_path)
    assert mutants.pass_in(tmp_path, *{killer for mutant in MUTANTS for killer in mutant.killers})
