"""What all tests share."""

import signal

import pytest
from hypothesis import Phase, settings

settings.register_profile("patient", deadline=None)  # an example may have to wait for another process
settings.register_profile("planted", deadline=None, database=None, phases=[Phase.explicit, Phase.generate])
settings.load_profile("patient")


def pytest_addoption(parser):
    parser.addoption("--plant", type=int, metavar="N", help="plant at most N mutants; default: all")


def pytest_collection_modifyitems(config, items):
    """Leave out the mutants that are not drawn, and say which commit drew the others."""
    number = config.getoption("--plant")
    planted = [item for item in items if "verdicts" in getattr(item, "fixturenames", ())]
    if number is None or len(planted) <= number:
        return
    import mutants  # here, as it imports the package, which a planted mistake may have spoilt

    commit, changed = mutants.last_commits()
    chosen = mutants.drawn([item.callspec.params["mutant"] for item in planted], number, commit, changed)
    left_out = [item for item in planted if item.callspec.params["mutant"] not in chosen]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]
    print(f"{len(chosen)} of {len(planted)} mutants, drawn by the commit {commit or 'that is not known'}")


@pytest.fixture(autouse=True)
def heard():
    """The signals of a terminal are, even where the tests run under nohup or in the background of a script."""
    defaults = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in defaults.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
