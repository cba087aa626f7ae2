"""Where things are: beside the package that is tested, which may be a copy with a mistake planted in it."""

from pathlib import Path

import scratchgan

TESTS = Path(__file__).parent
PACKAGE = Path(scratchgan.__file__).parent
ROOT = PACKAGE.parent
DEMOS = ROOT / "demos"
