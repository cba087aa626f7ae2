"""The suite is known to catch the field's mistakes: each of the `mutants` is planted, and its test turns red.

The table is checked with every run of the suite; planting takes minutes, so it is marked slow: ``pytest -m slow``
plants all, ``pytest -m slow --plant 100`` a hundred, those of the files that the last commits changed before others.
"""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import mutants
import pytest
from places import TESTS

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
        assert f"def {test}(" in (TESTS / file).read_text(encoding="utf-8")


def test_a_sample_begins_with_what_changed_and_is_drawn_again_by_the_same_seed():
    changed = {MUTANTS[-1].file}
    of_changed = {mutant for mutant in MUTANTS if mutant.file in changed}
    sample = mutants.drawn(MUTANTS, len(of_changed) + 9, "a", changed)
    assert of_changed < sample and len(sample) == len(of_changed) + 9
    assert mutants.drawn(MUTANTS, 2, "a", {mutant.file for mutant in MUTANTS}) < set(MUTANTS)
    assert sample == mutants.drawn(MUTANTS, len(sample), "a", changed)
    assert sample != mutants.drawn(MUTANTS, len(sample), "b", changed)


PLACES = """functional gradcheck lab losses metrics models nn training data
    test_arrays.py test_engine.py test_errors.py test_memory.py test_nn.py test_npy.py test_optim.py
    test_ranks.py test_site.py test_threads.py""".split()

NO_DATA = "it is skipped without the data sets in $SCRATCHGAN_DATA"
NO_PDOC = "it is skipped without pdoc"
STAND_IN = "it tests pretend.py, a part of the suite, and nothing of the package"
EXEMPT = {
    "data/test_bicubic.py::test_the_published_small_images_to_the_last_bit": NO_DATA,
    "data/test_mnist.py::test_embedded_digits_are_official_training_digits": NO_DATA,
    "data/test_mnist.py::test_embedded_test_digits_are_those_that_a_model_is_measured_on": NO_DATA,
    "data/test_mnist.py::test_real_sets_match_their_checksums": NO_DATA,
    "lab/test_diffusion.py::test_the_page_says_what_came_out": "it holds a page to its numbers, and tests no code",
    "metrics/test_classifier.py::test_it_is_as_good_as_promised": NO_DATA,
    "metrics/test_similarity.py::test_bicubic_enlargement_is_as_good_as_the_paper_prints": NO_DATA,
    "metrics/test_transport.py::test_the_assignment_is_that_of_scipy": "it is skipped without SciPy",
    "test_arrays.py::test_the_stand_in_keeps_reductions_on_the_device": STAND_IN,
    "test_arrays.py::test_the_stand_in_refuses_what_cupy_refuses": STAND_IN,
    "test_site.py::test_every_page_and_every_lesson_is_there": NO_PDOC,
    "test_site.py::test_no_link_is_dead": NO_PDOC,
    "test_site.py::test_no_page_says_where_it_was_made": NO_PDOC,
    "test_site.py::test_nothing_is_loaded_from_elsewhere": NO_PDOC,
    "test_site.py::test_the_search_has_modules_and_pages": NO_PDOC,
    "test_nn.py::test_to_the_gpu_without_one_says_what_is_missing": "it is skipped where there is a GPU",
}


def names_of_tests(place):
    path = TESTS / place
    for file in sorted(path.glob("test_*.py")) if path.is_dir() else [path]:
        for name in re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.M):
            yield f"{file.relative_to(TESTS)}::{name}"


@pytest.mark.parametrize("place", PLACES)
def test_no_test_is_vacuous(place):
    """Each kills a mutant, so each can fail; but for those in `EXEMPT`, each for its reason.

    Not looked at are the tests of what is written (test_imports, test_readme), and those that need a GPU (test_gpu),
    minutes (test_demo) or PyTorch (agreement).
    """
    killers = {killer.partition("[")[0] for mutant in MUTANTS for killer in mutant.killers}
    assert not [test for test in names_of_tests(place) if test not in killers | EXEMPT.keys()]


def test_every_exemption_is_of_a_test_that_kills_nothing():
    killers = {killer.partition("[")[0] for mutant in MUTANTS for killer in mutant.killers}
    assert EXEMPT.keys() <= {test for place in PLACES for test in names_of_tests(place)} - killers


@pytest.fixture(scope="module")
def chosen(request):
    """The mutants that are planted in this run."""
    items = [item for item in request.session.items if "verdicts" in item.fixturenames]
    return [item.callspec.params["mutant"] for item in items]


@pytest.fixture(scope="module")
def verdicts(chosen):
    """For each of them, what `Mutant.survives` will say; there is a thread for each processor."""
    pool = ThreadPoolExecutor(os.cpu_count())
    yield {mutant: pool.submit(mutant.survives) for mutant in chosen}
    pool.shutdown(cancel_futures=True)


@pytest.mark.slow
@every_mutant
def test_the_mistake_is_caught(mutant, verdicts):
    assert verdicts[mutant].result() == []


@pytest.mark.slow
def test_without_a_mistake_the_same_tests_pass(chosen, tmp_path):
    """They would kill everything if they always failed, or did not find the package."""
    mutants.copy(tmp_path)
    killers = {killer for mutant in chosen or MUTANTS for killer in mutant.killers}
    assert mutants.pass_in(tmp_path, *killers, seconds=3000)
