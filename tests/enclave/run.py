#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tests/enclave/test_*.py and closes with "N passed, N failed, N skipped".

    run.py [--required] [--limit SECONDS] [NAME]...

NAME picks a file or what unittest takes ("nitro", "test_nitro.Nitro.test_ping"). What cannot be had on this machine
is a reason to skip; with --required that is a failure too. Past the limit every thread's stack is shown and the run
fails: nothing hangs.
"""

import argparse
import faulthandler
import os
import sys
import time
import traceback
import unittest

from bench import HERE, NotAvailable


class Result(unittest.TestResult):
    """One line a test, its time and why not."""

    def __init__(self, required):
        super().__init__()
        self.required, self.counts, self.begun = required, {"ok": 0, "failed": 0, "skipped": 0}, time.monotonic()

    def line(self, verdict, test, reason=""):
        self.counts[verdict] += 1
        name = test.id() if hasattr(test, "id") else str(test)
        seconds = time.monotonic() - self.begun
        self.begun = time.monotonic()
        print("%-7s %6.1f s  %s" % (verdict, seconds, name), flush=True)
        if verdict != "ok":
            print("%s: %s: %s" % (verdict, name, " ".join(reason.split())[:400]), flush=True)

    def addSuccess(self, test):
        self.line("ok", test)

    def addSkip(self, test, reason):
        self.line("failed" if self.required else "skipped", test, reason)

    def problem(self, test, error):
        if isinstance(error[1], NotAvailable):
            self.addSkip(test, str(error[1]))
            return
        text = "".join(traceback.format_exception(*error))
        print(text, flush=True)
        self.line("failed", test, str(error[1]) or error[0].__name__)

    addFailure = addError = problem

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.problem(subtest, error)


def main():
    """Runs the tests that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--required", action="store_true")
    parser.add_argument("--limit", type=int, default=900)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    files = sorted(name[:-3] for name in os.listdir(HERE) if name.startswith("test_") and name.endswith(".py"))
    names = [name if name.startswith("test_") else "test_" + name for name in arguments.names] or files
    faulthandler.dump_traceback_later(arguments.limit, exit=True)
    result = Result(arguments.required)
    unittest.defaultTestLoader.loadTestsFromNames(names).run(result)
    print("%d passed, %d failed, %d skipped" % tuple(result.counts.values()))
    return 1 if result.counts["failed"] or not any(result.counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
