#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`verifier --archive` over documents of many enclaves, beside a loop over the single call.

    scripts/bench archive

BENCH_DOCUMENTS (200,000) documents of BENCH_ENCLAVES (1,000) enclaves, in no order, are made once, outside the tree:
6.6 KiB each. A rate of CPU time is of one core: on a shared machine it is what can be compared.
"""

import os
import resource
import subprocess
import sys
import time

from bench_server import program

DOCUMENTS = int(os.environ.get("BENCH_DOCUMENTS", "200000"))
ENCLAVES = int(os.environ.get("BENCH_ENCLAVES", "1000"))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "vsattest")
# Of the archive's beginning: memory must not depend on the number.
PARTS = (100, 10, 1)


def make_archive():
    path = os.path.join(CACHE, f"archive-{ENCLAVES}-{DOCUMENTS}.jsonl")
    if not os.path.exists(path):
        print(f"bench_archive: making {path}", file=sys.stderr, flush=True)
        os.makedirs(CACHE, exist_ok=True)
        with open(path + ".part", "wb") as file:
            subprocess.run([program("bench", "make_archive"), str(ENCLAVES), str(DOCUMENTS), path + ".root"],
                           stdin=subprocess.DEVNULL, stdout=file, check=True, timeout=7200)
        os.rename(path + ".part", path)
    return path, path + ".root"


def head(path, count):
    """The first so many lines, in a file of their own beside it."""
    target = f"{path}.{count}"
    with open(path, "rb") as source, open(target, "wb") as file:
        for _ in range(count):
            file.write(source.readline())
    return target


def measure(command, path):
    """Seconds, CPU seconds, and the peak of memory in KiB, of a child that has its archive on standard input."""
    with open(path, "rb") as archive:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        # A shell between: a child's peak counts the memory of whoever started it.
        child = subprocess.Popen(["/bin/sh", "-c", '"$@"; exit $?', "sh", *command], stdin=archive,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = 0
        while child.poll() is None:
            peak = max(peak, peak_of_children(child.pid))
            time.sleep(0.02)
        seconds = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode:
        sys.exit(f"bench_archive: {command[0]} ended with {child.returncode}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak


def peak_of_children(pid):
    peak = 0
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            for child in file.read().split():
                with open(f"/proc/{child}/status", encoding="ascii") as status:
                    peak = max([peak] + [int(line.split()[1]) for line in status if line.startswith("VmHWM")])
    except OSError:
        pass  # it has just ended
    return peak


def report(name, count, figures):
    seconds, cpu, peak = figures
    print(f"{name:28} {count:8} documents  {count / seconds:7.0f}/s  {count / cpu:7.0f}/s of CPU  peak {peak:7} KiB",
          flush=True)


def main():
    path, root = make_archive()
    verifier = [program("src/programs", "verifier"), "--archive", "-", "--at", "document", "--root", root]
    print(f"{DOCUMENTS} documents of {ENCLAVES} enclaves, {os.path.getsize(path) >> 20} MiB, load {os.getloadavg()[0]:.1f}")
    parts = [head(path, DOCUMENTS // part) for part in PARTS if part > 1] + [path]
    try:
        for part, count in zip(parts, [DOCUMENTS // part for part in PARTS]):
            for jobs in (1, 2):
                report(f"verifier --archive, {jobs} job{'s' * (jobs > 1)}", count,
                       measure([*verifier, "--jobs", str(jobs)], part))
        report("loop over vsa_verify", DOCUMENTS, measure([program("bench", "verify_lines"), root], path))
    finally:
        for part in parts[:-1]:
            os.unlink(part)


if __name__ == "__main__":
    main()
