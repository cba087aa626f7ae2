"""log.csv: a row of numbers for each step, in order."""

import csv
import math
import os
from itertools import takewhile
from pathlib import Path

from scratchgan.checkpoint import CheckpointError, naming, write_atomically


class Log:
    """The log of a run, open for writing inside ``with``.

    Parameters
    ----------
    path : path-like

    Attributes
    ----------
    columns : list of str or None
        None when there are no rows.
    """

    def __init__(self, path):
        self.path, self.columns = Path(path), None

    def cut(self, step):
        """Keep the rows up to a step, and drop those that ran ahead of the checkpoint.

        Where there is no log, one begins with the next step.

        Raises
        ------
        CheckpointError
            When the rows do not lead up to the step, as those of another run, or damaged ones.
        """
        if not self.path.exists():
            return
        header, *lines = self.path.read_bytes().splitlines(keepends=True) or [b""]
        columns = header.decode(errors="replace").strip().split(",")
        numbers = list(takewhile(lambda n: 0 < n <= step, (_step(line, len(columns)) for line in lines)))
        expected = list(range(step - len(numbers) + 1, step + 1))
        if step and (columns[0] != "step" or not numbers or numbers != expected):
            raise CheckpointError(
                f"{self.path} is not the log of {step} steps: row {len(numbers) + 1} is missing, damaged or of another "
                "run. To go on without what was logged so far, delete it."
            )
        kept = b"".join([header, *lines[: len(numbers)]]) if step else b""
        write_atomically(self.path, lambda file: file.write(kept))
        self.columns = columns if step else None

    def __enter__(self):
        self._file = open(self.path, "a", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file, lineterminator="\n")
        return self

    def __exit__(self, *error):
        with naming(self.path):
            self._file.close()

    def write(self, step, numbers):
        """Add a row; the first one names the columns."""
        columns = ["step", *numbers]
        with naming(self.path):
            if self.columns is None:
                self._rows.writerow(columns)
            elif self.columns != columns:
                raise CheckpointError(f"{self.path} has the columns {self.columns}, and this run has {columns}")
            self._rows.writerow([step, *numbers.values()])
        self.columns = columns

    def demand(self, columns):
        """Raise CheckpointError unless all these columns are there."""
        if missing := set(columns) - set(self.columns):
            raise CheckpointError(f"{self.path} is another run's: it has no column {', '.join(sorted(missing))}")

    def flush(self):
        """Let all rows outlive a loss of power."""
        with naming(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())


def _step(line, width):
    """The step of a row; 0 unless it is a whole row of ``width`` finite numbers."""
    cells = line.decode(errors="replace").split(",")
    try:
        whole = line.endswith(b"\n") and len(cells) == width and all(math.isfinite(float(cell)) for cell in cells)
        return int(cells[0]) if whole else 0
    except ValueError:
        return 0
