"""The mutants: mistakes to plant in the source, each with the test that must turn red.

They lie in the folder ``mutants``, which mirrors the package: those of ``models/wgan_gp.py`` in
``mutants/models/wgan_gp.txt``. An entry names the mistake, shows the change as a difference, and says which tests
catch it:

    one ε for the whole batch
        - rng.random((len(real), *(1,) * (real.ndim - 1)))
        + rng.random((1,) * real.ndim)
        killed by models/test_wgan_gp.py::test_each_sample_has_one_epsilon_of_its_own
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from planted import TESTS, pass_in

import scratchgan

PACKAGE = Path(scratchgan.__file__).parent


@dataclass(frozen=True)
class Mutant:
    """A mistake: in ``file`` of the package, the text ``right`` becomes ``wrong``, and the tests ``killers`` fail."""

    name: str
    file: str
    right: str
    wrong: str
    killers: tuple

    def planted(self):
        """The source of the file with the mistake in it."""
        source = (PACKAGE / self.file).read_text(encoding="utf-8")
        if source.count(self.right) != 1:
            raise ValueError(f"{self.file} contains {source.count(self.right)} times, not once:\n{self.right}")
        return source.replace(self.right, self.wrong)

    def survives(self, folder):
        """Those killers that pass although the mistake is planted in a copy of the package in ``folder``."""
        copy_package(folder)
        (folder / PACKAGE.name / self.file).write_text(self.planted(), encoding="utf-8")
        return [killer for killer in self.killers if pass_in(folder, killer)]


def copy_package(folder):
    """The package as it is."""
    shutil.copytree(PACKAGE, folder / PACKAGE.name)


def read(folder=TESTS / "mutants"):
    """All mutants, file by file."""
    return [
        _parsed(path.relative_to(folder).with_suffix(".py").as_posix(), *block.splitlines())
        for path in sorted(folder.rglob("*.txt"))
        for block in path.read_text(encoding="utf-8").split("\n\n")
    ]


def _parsed(file, name, *lines):
    marked = {mark: [line[6:] for line in lines if line[4:5] == mark] for mark in "-+"}
    killers = [line.split(" by ")[1] for line in lines if line.startswith("    killed by ")]
    if len(killers) + sum(map(len, marked.values())) != len(lines):
        raise ValueError(f"{file}: the entry {name!r} has a line that is none of '-', '+' and 'killed by'")
    return Mutant(name, file, "\n".join(marked["-"]), "\n".join(marked["+"]), tuple(killers))
