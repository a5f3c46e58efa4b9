#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`verifier --archive` over documents of many enclaves, beside a loop over the single call.

    scripts/bench archive

BENCH_DOCUMENTS (50,000) documents of BENCH_ENCLAVES (1,000) enclaves, in no order, are made once, outside the tree:
6.5 KB each. Each program is given all of them BENCH_ROUNDS (20) times through one pipe, so that a million need no disk.
The programs take turns, one such part each: what else the machine does meets all of them. A rate of CPU time is of one
core: on a shared machine it is what can be compared. BENCH_BUILDS names other build directories, each with its rounds:
"build-bench-awslc=20 build-bench=1".
"""

import os
import shutil
import statistics
import subprocess
import sys
import time

SOURCE = os.environ["VSA_SOURCE"]
DOCUMENTS = int(os.environ.get("BENCH_DOCUMENTS", "50000"))
ENCLAVES = int(os.environ.get("BENCH_ENCLAVES", "1000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "20"))
BUILDS = os.environ.get("BENCH_BUILDS", f"{os.environ['VSA_BUILD']}={ROUNDS}")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "vsattest")
TICKS = os.sysconf("SC_CLK_TCK")


def make_archive(build):
    path = os.path.join(CACHE, f"archive-{ENCLAVES}-{DOCUMENTS}.jsonl")
    if not os.path.exists(path):
        print(f"bench_archive: making {path}", file=sys.stderr, flush=True)
        os.makedirs(CACHE, exist_ok=True)
        with open(path + ".part", "wb") as file:
            subprocess.run([f"{build}/bench/make_archive", str(ENCLAVES), str(DOCUMENTS), path + ".root"],
                           stdin=subprocess.DEVNULL, stdout=file, check=True, timeout=7200)
        os.rename(path + ".part", path)
    return path, path + ".root"


class Program:
    """A child that verifies what it is given, and what each part cost it."""

    def __init__(self, name, command):
        self.name = name
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        self.seconds = []  # of each part
        self.cpu = []
        self.resident = []  # KiB behind each part

    def used(self):
        """CPU seconds until now."""
        with open(f"/proc/{self.child.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def give(self, path):
        """Gives it all of a file. Some 200 documents are still on their way when this returns."""
        began, used = time.monotonic(), self.used()
        with open(path, "rb") as file:
            shutil.copyfileobj(file, self.child.stdin, 1 << 20)
        self.seconds.append(time.monotonic() - began)
        self.cpu.append(self.used() - used)
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as file:
            self.resident += [int(line.split()[1]) for line in file if line.startswith("VmRSS")]

    def end(self):
        self.child.stdin.close()
        if self.child.wait(timeout=600):
            sys.exit(f"bench_archive: {self.name} ended with {self.child.returncode}")


def report(programs):
    """Rates of all parts but the first, whose enclaves were not known; of the median part, and the least memory."""
    for program in programs:
        later = slice(1 if len(program.cpu) > 1 else 0, None)
        ratios = [cpu / of_loop for cpu, of_loop in zip(program.cpu[later], programs[-1].cpu[later])]
        print(f"{program.name:12} {len(program.cpu) * DOCUMENTS:8} documents  "
              f"{DOCUMENTS / statistics.median(program.seconds[later]):6.0f}/s  "
              f"{DOCUMENTS / statistics.median(program.cpu[later]):6.0f}/s of CPU  "
              f"{statistics.median(ratios):5.2f} of the loop's CPU ({min(ratios):.2f} to {max(ratios):.2f})  resident "
              f"{program.resident[0]} KiB, then {min(program.resident[later])} to {max(program.resident[later])}",
              flush=True)


def measure(build, rounds):
    path, root = make_archive(build)
    archive = [f"{build}/src/programs/verifier", "--archive", "-", "--at", "document", "--root", root, "--jobs"]
    programs = [Program("1 job", [*archive, "1"]), Program("2 jobs", [*archive, "2"]),
                Program("loop", [f"{build}/bench/verify_lines", root])]
    print(f"{build}: {rounds} times {DOCUMENTS} documents of {ENCLAVES} enclaves", flush=True)
    try:
        for number in range(rounds):
            for program in programs:
                program.give(path)
            print(f"{number + 1:3}: load {os.getloadavg()[0]:4.1f}  " + "  ".join(
                f"{program.name} {program.seconds[-1]:.1f} s, {program.cpu[-1]:.1f} of CPU, {program.resident[-1]} KiB"
                for program in programs), file=sys.stderr, flush=True)
        for program in programs:
            program.end()
    finally:
        for program in programs:
            program.child.kill()
        report([program for program in programs if program.cpu])


def main():
    for build in BUILDS.split():
        name, _, rounds = build.partition("=")
        measure(os.path.join(SOURCE, name), int(rounds or ROUNDS))


if __name__ == "__main__":
    main()
