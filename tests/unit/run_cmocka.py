#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one cmocka program and passes its TAP on, with skips as TAP wants them.

cmocka 1.1.5 prints "not ok 3 # SKIP name" for a skipped test, which a TAP reader has to count as
a failure; later ones print "ok 3 # SKIP name", the name in the place of a reason. This makes
it "ok 3 - name # SKIP reason", the reason being the last "# skip: ..." line (SKIP_BECAUSE in
unit_test.h). Whatever else the program prints goes through unchanged, and so does its exit
status: a crash stays a crash.

VSA_TEST_WRAPPER, if set, is a command to run the program under (valgrind ...).
"""

import os
import re
import shlex
import signal
import subprocess
import sys

SKIPPED = re.compile(r"(?:not )?ok (\d+) # SKIP (.*)")
REASON = "# skip: "


def main(program):
    command = shlex.split(os.environ.get("VSA_TEST_WRAPPER", "")) + program
    reason = "no reason given"
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        for line in process.stdout:
            line = line.rstrip("\n")
            if line.startswith(REASON):
                reason = line[len(REASON):]
                continue
            skipped = SKIPPED.fullmatch(line)
            if skipped:
                line = f"ok {skipped[1]} - {skipped[2]} # SKIP {reason}"
                reason = "no reason given"
            print(line, flush=True)
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        print(f"Bail out! {program[0]} was ended by {name}", flush=True)
        return 1
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
