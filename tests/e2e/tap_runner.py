#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one unittest file and prints TAP, so that each test case and each skip is counted.

Usage: tap_runner.py test_NAME.py [SECONDS]

SECONDS bounds the whole file: past it every thread's stack is shown and the run fails.
"""

import faulthandler
import importlib.util
import os
import sys
import traceback
import unittest


class TapResult(unittest.TestResult):
    """Prints one TAP line a test case; a failing subTest fails its test case once."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.failed = None  # the last test case with a line that says so

    def line(self, ok, test, directive=""):
        self.number += 1
        # "#" would begin a TAP directive. A class that fails or skips as a whole is called
        # "setUpClass (module.Class)".
        name = test.id().split(".", 1)[-1].rstrip(")").replace("#", "_")
        print(f"{'ok' if ok else 'not ok'} {self.number} - {name}{directive}", flush=True)

    def details(self, test, error, part):
        """Why it failed, and what the programs printed last that it runs.

        On stdout for scripts/count-tests, and on stderr, which is all that `meson test
        --print-errorlogs` shows of a program that prints TAP.
        """
        rows = "".join(traceback.format_exception(*error)).splitlines()
        if hasattr(test, "printed"):
            rows += test.printed()
        for row in [f"{part.id()}:", *rows]:
            print("# " + row, flush=True)
            print(row, file=sys.stderr, flush=True)

    def fail(self, test, error, part=None):
        """One line for a test case, however many of its parts fail; the cause of each."""
        if self.failed is not test:
            self.line(False, test)
        self.failed = test
        self.details(test, error, part or test)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.fail(test, error, subtest)

    def addSuccess(self, test):
        self.line(True, test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.fail(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self.fail(test, error)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if self.failed is test:
            return
        self.line(True, test, f" # SKIP {reason}")

    def addExpectedFailure(self, test, error):
        self.addFailure(test, error)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.line(False, test)


def load(path):
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    name = os.path.splitext(os.path.basename(path))[0]
    specification = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def main(path, seconds="300"):
    faulthandler.dump_traceback_later(float(seconds), exit=True)
    suite = load(path)
    result = TapResult()
    suite.run(result)
    # The plan comes last: a setUpClass that skips or fails stands for all its tests in one line.
    print(f"1..{result.number}", flush=True)
    if result.number == 0:
        print(f"Bail out! {path} holds no test", flush=True)
        return 1
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
