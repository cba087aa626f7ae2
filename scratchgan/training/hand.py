"""The run as the processes beside the first one have it: they take every step, and write nothing."""

from contextlib import contextmanager

from scratchgan.training.run import Run


class Hand(Run):
    """One of several processes that train together, but not the first; see `Run` and `scratchgan.ranks`."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.log = _Unwritten()

    def save(self, steps):
        """The first process saves; it has done so when this returns."""
        self.saved = self.ranks.told()

    @contextmanager
    def _begun(self, steps):
        if self.step == 0:
            self.save(steps)
        yield

    def _save_picture(self):
        """The first process draws."""

    def finish(self, samples=0):
        """The first process leaves what is left."""

    def describe(self, **facts):
        """The first process writes."""

    def demand_room(self, count):
        """The first process looks."""


class _Unwritten:
    """A log of which no row is kept."""

    def write(self, step, numbers):
        """Nothing."""

    def cut(self, step):
        """Nothing."""

    def flush(self):
        """Nothing."""
