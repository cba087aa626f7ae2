"""A plugin of pytest: ``-p executed --executed-in FILE`` leaves in executed.json which of its lines a test executes.

{test: [seconds, lines]} of the tests that pass, the fastest first.
"""

import json
import sys
import time
from pathlib import Path

import pytest


def pytest_addoption(parser):
    parser.addoption("--executed-in", metavar="FILE", default="")


def pytest_configure(config):
    config.pluginmanager.register(Executed(str(Path(config.getoption("--executed-in")).resolve())))


class Executed:
    """Each test is traced, in this thread, with its fixtures."""

    def __init__(self, file):
        self.file, self.lines, self.seconds, self.failed = file, {}, {}, set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        lines = self.lines[item.nodeid] = set()

        def traced(frame, event, argument):
            lines.add(frame.f_lineno)
            return traced

        began, tracer = time.process_time(), sys.gettrace()
        sys.settrace(lambda frame, *event: traced(frame, *event) if frame.f_code.co_filename == self.file else None)
        try:
            return (yield)
        finally:
            sys.settrace(tracer)
            self.seconds[item.nodeid] = time.process_time() - began

    def pytest_runtest_logreport(self, report):
        if not report.passed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self):
        tests = sorted(self.lines.keys() - self.failed, key=self.seconds.get)
        found = {test: [self.seconds[test], sorted(self.lines[test])] for test in tests}
        Path("executed.json").write_text(json.dumps(found))
